import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'

/**
 * `socket` as a stream that fails with EPROTOCOL when more than `most` bytes have come. nodemailer bounds a reply, but not
 * the number of replies or of the empty lines between them, which it goes through one by one, in time that grows with
 * the square of their number. With TLS on top the bytes are those of the line.
 */
export function limited(socket: Socket, most: number): Duplex {
  let bytes = 0
  const stream = new Duplex({
    read: () => void socket.resume(),
    write: (piece: Buffer, _encoding, done) => void socket.write(piece, done),
    final: (done) => void socket.end(done),
    destroy(error, done) {
      socket.destroySoon()
      done(error)
    },
  })
  socket.pause()
  socket.on('data', (piece: Buffer) => {
    bytes += piece.length
    if (bytes > most) {
      stream.destroy(Object.assign(new Error('too many bytes'), { code: 'EPROTOCOL' }))
    } else if (!stream.push(piece)) socket.pause()
  })
  socket.on('end', () => stream.push(null))
  socket.on('error', (error) => stream.destroy(error))
  socket.on('close', () => stream.destroy())
  // of a socket nodemailer sets these; the try has a time limit of its own
  return Object.assign(stream, { setTimeout: () => stream, setKeepAlive: () => stream })
}
