// Enter in the field with the key `data.field`, which has several lines, does what Streamlit does at Ctrl+Enter.
// Shift+Enter begins a new line, and an Enter that ends the writing of a word, as in Japanese, is left alone.

const ENDS = new WeakMap()

const show = ({ data, parentElement }) => {
  if (ENDS.has(parentElement)) return ENDS.get(parentElement)
  const listening = new AbortController()
  // The document listens, because Streamlit may replace the field.
  const listen = (kind, act) => {
    const heard = event => event.target.matches?.(`.st-key-${data.field} textarea`) && act(event)
    document.addEventListener(kind, heard, { capture: true, signal: listening.signal })
  }
  listen("keydown", event => {
    const composes = event.isComposing || event.keyCode === 229 // Safari says the latter
    const withAnother = event.shiftKey || event.ctrlKey || event.altKey || event.metaKey
    if (event.key !== "Enter" || composes || withAnother || event.defaultPrevented) return
    event.preventDefault()
    const told = { key: "Enter", code: "Enter", ctrlKey: true, bubbles: true, cancelable: true }
    event.target.dispatchEvent(new KeyboardEvent("keydown", told))
  })
  // Some browsers send what is typed to a spelling service, and here a token may be pasted.
  listen("focusin", ({ target }) => {
    Object.assign(target, { spellcheck: false, autocapitalize: "none", enterKeyHint: "search" })
  })
  const end = () => {
    listening.abort()
    ENDS.delete(parentElement)
  }
  ENDS.set(parentElement, end)
  return end
}
export default inOrder(show)
