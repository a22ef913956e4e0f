// The component of a page that waits. It shows for how long, and listens to the server's event stream; on a message it
// asks Streamlit for a new run of the page or of its fragment. If the stream does not get through, it asks for a run
// after each of `PAUSES`. Times are milliseconds; those in `data` are by the server's clock.

const PAUSES = [1000, 2000, 4000, 8000, 15000]
const PATIENCE = 5000 // to wait for a stream's first event; some proxies hold it back
const LASTING = 60000 // after a stream that was open for so long, the pauses begin with the first again
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
  // Without a headline it takes no space on the page.
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

// Opens the stream. If something has changed since the page was drawn, the server sends a message at once.
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
    later(state, () => listen(state), pause(state)) // in case Streamlit drops the request for a new run
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

// Updates the text and the bar, once a second.
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

// Has screen readers announce a text, once. The element belongs to the document, not to the component, so that a new
// run of the page does not remove it before it was announced.
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
