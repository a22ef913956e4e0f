// Draws a track's waveform and sung words, and moves the window: the 10 to 30 seconds that KIE will listen to. Times
// are seconds. Python checks each move, and the window that it sends back in `data` is shown. Nothing here goes to KIE.

const LEAST = 10
const MOST = 30
const round = value => Math.round(value * 100) / 100
const within = (value, low, high) => Math.min(Math.max(value, low), high)
const clock = seconds =>
  `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(2).padStart(5, "0")}`
const STATES = new WeakMap()
const PATIENCE = 4000 // milliseconds to wait for Python's answer to a move

const show = ({ data, parentElement, setStateValue }) => {
  const root = parentElement.querySelector(".chooser")
  let state = STATES.get(root)
  if (!state) {
    state = { start: data.start, end: data.end, dragging: null, playing: false, timer: 0, frame: 0 }
    STATES.set(root, state)
  }
  const find = selector => root.querySelector(selector)
  const [stage, canvas, box, head, play, told, words] = [
    ".stage", "canvas", ".window", ".head", ".play", ".told", ".words",
  ].map(find)
  const edges = { start: find(".edge.start"), end: find(".edge.end") }
  const duration = data.duration
  const longest = Math.min(MOST, duration)
  const shortest = Math.min(LEAST, duration)
  const last = Math.floor(duration * 100 + 1e-6) / 100
  const audio = () => document.querySelector(`.st-key-${data.player} audio`)

  // Takes over the window that Python sent, but not its answer to an older move while a newer one is unanswered.
  const adopt = () => {
    clearTimeout(state.later)
    if (state.dragging || state.timer) return
    const { start, end } = state.latest
    const echoed = state.sent && state.sent[0] === start && state.sent[1] === end
    if (state.sent && !echoed && Date.now() - state.sentAt < PATIENCE) {
      state.later = setTimeout(() => (adopt(), state.draw()), PATIENCE)
      return
    }
    state.sent = null
    state.start = start
    state.end = end
  }
  state.latest = { start: data.start, end: data.end }
  adopt()

  // What a screen reader says of a slider.
  const describe = (slider, label, now, text) => {
    const told = { label, valuemin: 0, valuemax: last, valuenow: now, valuetext: text }
    for (const [name, value] of Object.entries(told)) slider.setAttribute(`aria-${name}`, value)
  }

  const draw = () => {
    const share = 100 / duration
    box.style.left = `${state.start * share}%`
    box.style.width = `${(state.end - state.start) * share}%`
    edges.start.style.left = `${state.start * share}%`
    edges.end.style.left = `${state.end * share}%`
    const [from, to, length] = [clock(state.start), clock(state.end), round(state.end - state.start).toFixed(2)]
    told.textContent = `${from} to ${to}, ${length} s`
    describe(edges.start, "Window start", state.start, `window starts at ${from}`)
    describe(edges.end, "Window end", state.end, `window ends at ${to}`)
    describe(box, "Window", state.start, `window from ${from} to ${to}`)
    root.dataset.start = state.start
    root.dataset.end = state.end
    sing()
  }

  const sing = () => {
    const write = (className, textContent, times = {}) => {
      const span = Object.assign(document.createElement("span"), { className, textContent })
      Object.assign(span.dataset, times)
      words.append(span)
    }
    words.replaceChildren()
    const inside = data.words.filter(word => word[1] > state.start && word[0] < state.end)
    if (!inside.length) write("quiet", data.words.length ? "No singing in this window." : data.quiet)
    for (const [start, end, text, section] of inside) {
      if (section) write("section", section)
      write("", `${text} `, { start, end })
    }
  }

  const paint = () => {
    const scale = window.devicePixelRatio || 1
    const { clientWidth: width, clientHeight: height } = stage
    if (!width) return
    canvas.width = width * scale
    canvas.height = height * scale
    const brush = canvas.getContext("2d")
    brush.scale(scale, scale)
    const style = getComputedStyle(root)
    const ink = style.getPropertyValue("--st-text-color") || "#888"
    const accent = style.getPropertyValue("--st-primary-color") || "#63c"
    const middle = height / 2 - 6
    brush.fillStyle = ink
    if (data.wave.length) {
      const bars = Math.max(1, Math.floor(width / 3))
      for (let bar = 0; bar < bars; bar++) {
        const from = Math.floor((bar * data.wave.length) / bars)
        const to = Math.max(from + 1, Math.floor(((bar + 1) * data.wave.length) / bars))
        const loud = Math.max(...data.wave.slice(from, to))
        const tall = Math.max(1, loud * (middle - 6))
        brush.globalAlpha = 0.55
        brush.fillRect((bar * width) / bars, middle - tall, 2, tall * 2)
      }
    }
    brush.globalAlpha = 0.6
    brush.font = "11px sans-serif"
    const step = [5, 10, 15, 30, 60, 120].find(each => (each / duration) * width > 55) || 240
    for (let at = 0; at <= duration; at += step) {
      const x = (at / duration) * width
      brush.fillRect(x, data.wave.length ? height - 14 : 0, 1, data.wave.length ? 4 : height)
      if (x < width - 30) brush.fillText(`${Math.floor(at / 60)}:${String(at % 60).padStart(2, "0")}`, x + 3, height - 4)
    }
    brush.globalAlpha = 0.9
    brush.fillStyle = accent
    for (const [start, end] of data.words) {
      brush.fillRect((start / duration) * width, height - 20, Math.max(1, ((end - start) / duration) * width), 3)
    }
    brush.globalAlpha = 1
  }

  // Keeps the rules while a person moves the window: 10 to 30 s, inside the track, the moved edge where it was put.
  const move = (what, to) => {
    let { start, end } = state
    if (what === "both") {
      const length = end - start
      start = within(round(to), 0, round(last - length))
      end = start + length
    } else if (what === "start") {
      start = within(round(to), 0, round(last - shortest))
      end = within(end, start + shortest, Math.min(start + longest, last))
    } else {
      end = within(round(to), shortest, last)
      start = within(start, Math.max(0, end - longest), end - shortest)
    }
    state.start = round(start)
    state.end = Math.min(round(end), last)
    draw()
  }

  const tell = () => {
    clearTimeout(state.timer)
    state.timer = 0
    state.sent = [state.start, state.end]
    state.sentAt = Date.now()
    setStateValue("window", [state.start, state.end])
  }
  const tellSoon = () => {
    clearTimeout(state.timer)
    state.timer = setTimeout(tell, 350)
  }

  const grab = (element, what) => {
    element.onpointerdown = event => {
      if (event.button) return
      event.preventDefault()
      event.stopPropagation()
      element.focus()
      element.setPointerCapture(event.pointerId)
      const perPixel = duration / stage.clientWidth
      const from = what === "end" ? state.end : state.start
      state.dragging = { x: event.clientX, from, perPixel, what }
    }
    element.onpointermove = event => {
      if (!state.dragging || state.dragging.what !== what) return
      move(what, state.dragging.from + (event.clientX - state.dragging.x) * state.dragging.perPixel)
    }
    element.onpointerup = element.onpointercancel = () => {
      if (!state.dragging) return
      state.dragging = null
      tell()
    }
    element.onkeydown = event => {
      const by = event.shiftKey ? 1 : event.altKey ? 0.01 : 0.1
      const from = what === "end" ? state.end : state.start
      const to = {
        ArrowLeft: from - by, ArrowDown: from - by, ArrowRight: from + by, ArrowUp: from + by,
        PageUp: from + 5, PageDown: from - 5, Home: 0, End: what === "both" ? last - (state.end - state.start) : last,
      }[event.key]
      if (to !== undefined) {
        event.preventDefault()
        event.stopPropagation()
        move(what, to)
        tellSoon()
      } else if (event.key === " " || event.key === "Enter") {
        event.preventDefault()
        event.stopPropagation()
        toggle()
      }
    }
  }
  grab(edges.start, "start")
  grab(edges.end, "end")
  grab(box, "both")
  stage.onpointerdown = event => {
    if (event.target !== canvas && event.target !== stage) return
    const at = ((event.clientX - stage.getBoundingClientRect().left) / stage.clientWidth) * duration
    move("both", at - (state.end - state.start) / 2)
    tell()
  }
  for (const button of root.querySelectorAll("[data-nudge]")) {
    const [what, by] = button.dataset.nudge.split(" ")
    button.onclick = () => {
      move(what, (what === "end" ? state.end : state.start) + Number(by))
      tellSoon()
    }
  }

  const stop = () => {
    state.playing = false
    cancelAnimationFrame(state.frame)
    const sound = audio()
    if (sound) sound.pause()
    head.style.display = "none"
    play.textContent = "▶ Play the window"
    for (const word of words.querySelectorAll(".sung")) word.classList.remove("sung")
  }
  const follow = () => {
    const sound = audio()
    if (!state.playing || !sound) return
    const now = sound.currentTime
    if (now >= state.end - 0.02 || (sound.paused && !sound.seeking)) {
      stop()
      if (now >= state.end - 0.02) sound.currentTime = state.start
      return
    }
    if (now < state.start - 0.05) sound.currentTime = state.start
    head.style.display = "block"
    head.style.left = `${(now / duration) * 100}%`
    for (const word of words.children) {
      word.classList.toggle("sung", now >= Number(word.dataset.start) && now < Number(word.dataset.end))
    }
    state.frame = requestAnimationFrame(follow)
  }
  const toggle = async () => {
    if (state.playing) return stop()
    const sound = audio()
    if (!sound) return
    sound.currentTime = state.start
    sound.ontimeupdate = () => state.playing && sound.currentTime >= state.end && stop()
    state.playing = true
    play.textContent = "■ Stop"
    try {
      await sound.play()
    } catch {
      return stop()
    }
    follow()
  }
  play.onclick = toggle
  play.disabled = !data.playable

  if (!state.watcher) {
    state.watcher = new ResizeObserver(() => state.paint())
    state.watcher.observe(stage)
  }
  state.paint = paint
  state.draw = draw
  paint()
  draw()
  return () => {
    state.watcher.disconnect()
    clearTimeout(state.timer)
    clearTimeout(state.later)
    if (state.playing) stop()
    STATES.delete(root)
  }
}
export default inOrder(show)
