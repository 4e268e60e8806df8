// `ws`, the fastest server of pure JavaScript, with each message framed once for all. Nothing is stored.
// node ws.js PORT
import {Sender, WebSocketServer} from 'ws'

const server = new WebSocketServer({
  port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096, perMessageDeflate: false
})
const rooms = new Map()

server.on('connection', (socket, request) => {
  if (!rooms.has(request.url)) rooms.set(request.url, new Set())
  const room = rooms.get(request.url)
  room.add(socket)
  socket.on('close', () => room.delete(socket))
  socket.on('message', data => {
    const frame = Buffer.concat(Sender.frame(data, {fin: true, opcode: 1, mask: false, readOnly: true, rsv1: false}))
    for (const member of room) member._socket.write(frame)
  })
})
