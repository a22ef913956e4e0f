// Streamlit calls a component each time there is new data, and imports its module anew for each call. While a browser
// still loads the module, a later import can be ready before an earlier one, so an older call may run after a newer.
// Streamlit then calls at once what the older call returned, as it does when the component is removed from the page.
// `inOrder` tells the two cases apart: while the component is on the page, it draws the newest data of the calls that
// have not ended. `show` draws the data of one call, and returns a function that ends the component.

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

