// What a page shows while it waits, and how it learns that there is something new to show: it listens to the server's
// event stream and then asks Python to draw it anew. Where the stream does not get through it asks now and then.
// Times are milliseconds; those in `data` are by the server's clock.

const PAUSES = [1000, 2000, 4000, 8000, 15000]
const PATIENCE = 5000 // to wait for the first word of a stream; some proxies hold it back
const LASTING = 60000 // a stream that lasted so long was a good one
const STATES = new WeakMap()
let newest = 0
let skew = 0 // how far this computer's clock is ahead of the server's

const show = ({ data, parentElement, setTriggerValue }) => {
  const root = parentElement.querySelector(".waiting")
  let state = STATES.get(root)
  if (!state) {
    state = { tries: 0 }
    STATES.set(root, state)
    state.look = () => (document.hidden ? hush(state) : (listen(state), tick(root, state)))
    document.addEventListener("visibilitychange", state.look)
  }
  if (data.now > newest) {
    newest = data.now
    skew = Date.now() - newest
  }
  const { data: before = {} } = state
  state.data = data
  state.ask = () => setTriggerValue("told", Date.now())
  root.hidden = !data.headline
  // A quiet one takes no room on the page.
  document.querySelector(`.st-key-${data.key}`)?.style.setProperty("position", data.headline ? "" : "absolute")
  if (data.said || data.headline !== before.headline) say(data.said || data.headline)
  if (data.stream !== before.stream || data.again !== before.again) {
    state.tries = 0
    if (!document.hidden) listen(state)
  }
  tick(root, state)
  return () => {
    document.removeEventListener("visibilitychange", state.look)
    clearTimeout(state.ticking)
    hush(state)
    STATES.delete(root)
  }
}
export default inOrder(show)

// Opens the stream. Whatever changed since the page was drawn, the server tells at once.
const listen = state => {
  hush(state)
  if (!state.data.stream) {
    const { again } = state.data
    if (again) later(state, () => (state.ask(), listen(state)), state.tries ? pause(state) : (state.tries++, again))
    return
  }
  const opened = Date.now()
  const source = new EventSource(state.data.stream)
  let ready = false
  const failed = () => {
    hush(state)
    if (Date.now() - opened > LASTING) state.tries = 0
    later(state, () => (ready || state.ask(), listen(state)), pause(state))
  }
  state.source = source
  state.timer = setTimeout(failed, PATIENCE)
  source.addEventListener("ready", () => {
    ready = true
    clearTimeout(state.timer)
  })
  source.onmessage = () => {
    hush(state)
    state.ask()
    later(state, () => listen(state), pause(state)) // if the page is not drawn anew, because it was not heard
  }
  source.onerror = failed
}

const pause = state => PAUSES[Math.min(state.tries++, PAUSES.length - 1)]

const later = (state, act, after) => {
  clearTimeout(state.timer)
  state.timer = setTimeout(act, after)
}

const hush = state => {
  clearTimeout(state.timer)
  state.source?.close()
}

// Draws the seconds, once each.
const tick = (root, state) => {
  clearTimeout(state.ticking)
  const { headline, started, until, usual } = state.data
  if (!headline) return
  const now = Date.now() - skew
  const [title, track, bar, elapsed] = [".headline", ".track", ".bar", ".elapsed"].map(each => root.querySelector(each))
  const left = Math.max(0, Math.ceil((until - now) / 1000))
  write(title, until ? `${headline} in ${left} s.` : `${headline}.`)
  track.setAttribute("aria-label", headline)
  track.hidden = elapsed.hidden = !started
  if (!started && !until) return
  const seconds = Math.max(0, Math.floor((now - started) / 1000))
  const told = seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  write(elapsed, `${told} so far.${until ? "" : ` ${usual}`}`)
  bar.style.width = `${Math.min(95, (100 * seconds) / (seconds + 12))}%`
  if (!document.hidden) state.ticking = setTimeout(() => tick(root, state), 1000 - ((now - started) % 1000))
}

const write = (element, text) => element.textContent === text || (element.textContent = text)

// Says it once to who listens to the page instead of looking at it. The place is the page's, so that what stands there
// is heard also if the page is drawn anew meanwhile.
const say = text => {
  let place = document.getElementById("persona-studio-said")
  if (!place) {
    place = document.createElement("div")
    place.id = "persona-studio-said"
    place.setAttribute("role", "status")
    place.style.cssText = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap"
    document.body.append(place)
  }
  if (text) setTimeout(() => write(place, text), 100)
}
