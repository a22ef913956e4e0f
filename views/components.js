// Streamlit calls a component with each new data, but not always in order: it imports the module anew for each call, and
// while a browser still loads it, a later import can be ready before an earlier one. The call that came too late it takes
// back, by calling what that call returned, exactly as it does when the component is removed.
// `show` draws what a call gives, and returns what ends the component.

const CALLS = new WeakMap()
const MOST_CALLS = 5

const inOrder = show => call => {
  const place = call.parentElement
  CALLS.set(place, [...(CALLS.get(place) ?? []), call].slice(-MOST_CALLS))
  const end = show(call)
  return () => {
    const left = (CALLS.get(place) ?? []).filter(each => each !== call)
    CALLS.set(place, left)
    if (place.isConnected && left.length) show(left.at(-1))
    else {
      CALLS.delete(place)
      end()
    }
  }
}

