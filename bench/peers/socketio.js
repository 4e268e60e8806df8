// A Socket.IO chat, as its guide has it: a post goes to the room and is acknowledged. Nothing is stored.
// node socketio.js PORT
import {createServer} from 'node:http'
import {Server} from 'socket.io'

const http = createServer()
const io = new Server(http, {transports: ['websocket'], perMessageDeflate: false})

io.on('connection', socket => {
  const {room} = socket.handshake.query
  socket.join(room)
  socket.on('post', (body, acknowledge) => {
    io.to(room).emit('posted', body)
    acknowledge('ok')
  })
})
http.listen({port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096})
