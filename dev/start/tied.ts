// Preloaded into each part. Our end of its stdin closes with this launcher, whatever ends it (the kernel sees to
// that even after SIGKILL); a part that would be left behind goes at once, as it would on a machine that dies.
process.stdin.once('close', () => process.exit(1))
process.stdin.resume()
if ('unref' in process.stdin) process.stdin.unref()
