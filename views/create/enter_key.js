// Enter in the field with the key `data.field`, which has several lines, does what Streamlit does at Ctrl+Enter.
// Shift+Enter begins a new line, and an Enter that ends the writing of a word, as in Japanese, is left alone.

const LONG = 100000 // characters; to draw as many takes a browser half a second, and five million some seconds
const PATIENCE = 30000 // milliseconds to wait until Python has read such a text
const ENDS = new WeakMap()

const show = ({ data, parentElement }) => {
  if (ENDS.has(parentElement)) return ENDS.get(parentElement)
  const listening = new AbortController()
  // The document listens, because Streamlit may replace the field.
  const listen = (kind, act) => {
    const heard = event => event.target.matches?.(`.st-key-${data.field} textarea`) && act(event, event.target)
    document.addEventListener(kind, heard, { capture: true, signal: listening.signal })
  }
  listen("keydown", (event, field) => {
    const composes = event.isComposing || event.keyCode === 229 // Safari says the latter
    const withAnother = event.shiftKey || event.ctrlKey || event.altKey || event.metaKey
    if (event.key !== "Enter" || composes || withAnother || event.defaultPrevented) return
    event.preventDefault()
    commit(field)
  })
  listen("paste", (event, field) => {
    const text = event.clipboardData.getData("text/plain").slice(0, data.longest)
    if (text.length <= LONG || event.defaultPrevented) return
    event.preventDefault()
    takeUnseen(field, text)
  })
  // Some browsers send what is typed to a spelling service, and here a token may be pasted.
  listen("focusin", (event, field) => {
    Object.assign(field, { spellcheck: false, autocapitalize: "none", enterKeyHint: "search" })
  })
  const end = () => {
    listening.abort()
    ENDS.delete(parentElement)
  }
  ENDS.set(parentElement, end)
  return end
}
export default inOrder(show)

const commit = field => {
  const told = { key: "Enter", code: "Enter", ctrlKey: true, bubbles: true, cancelable: true }
  field.dispatchEvent(new KeyboardEvent("keydown", told))
}

// Takes a long text over in place of what stood in the field, without drawing it. Python leaves little of it there.
// Streamlit is not to hear that the focus was away, because it would take what stood there for typed.
const takeUnseen = (field, text) => {
  const frame = field.parentElement
  document.addEventListener("focusout", event => event.stopImmediatePropagation(), { capture: true, once: true })
  field.blur()
  frame.style.minHeight = `${frame.offsetHeight}px`
  field.style.display = "none"
  field.setRangeText(text, 0, field.value.length)
  field.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertFromPaste" }))
  const started = Date.now()
  const reveal = () => {
    const waits = field.isConnected && field.value.length > LONG && Date.now() - started < PATIENCE
    if (waits) return setTimeout(reveal, 100)
    field.style.display = frame.style.minHeight = ""
    if (document.activeElement === document.body) field.focus()
  }
  setTimeout(() => (commit(field), reveal()))
}
