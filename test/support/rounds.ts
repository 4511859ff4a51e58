/** Counts the rounds that the event loop makes, until `stop`. */
export function countRounds() {
  let count = 0
  let isOver = false
  const round = () => {
    count += 1
    if (!isOver) setImmediate(round)
  }
  setImmediate(round)
  return {
    count: () => count,
    stop: () => {
      isOver = true
    },
  }
}
