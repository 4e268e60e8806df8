"""The same chat with python-socketio on uvicorn: nothing stored.

python pysocketio.py PORT
"""

import sys
from urllib.parse import parse_qs

import socketio
import uvicorn

io = socketio.AsyncServer(async_mode="asgi", transports=["websocket"])
room_of = {}


@io.event
async def connect(sid, environ):
    room_of[sid] = parse_qs(environ["QUERY_STRING"])["room"][0]
    await io.enter_room(sid, room_of[sid])


@io.event
async def disconnect(sid):
    room_of.pop(sid, None)


@io.event
async def post(sid, body):
    await io.emit("posted", body, room=room_of[sid])
    return "ok"


if __name__ == "__main__":
    application = socketio.ASGIApp(io)
    options = {"log_level": "warning", "ws_per_message_deflate": False, "backlog": 4096}
    uvicorn.run(application, host="127.0.0.1", port=int(sys.argv[1]), **options)
