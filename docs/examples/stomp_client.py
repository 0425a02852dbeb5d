"""A back end that greets a user over STOMP and prints the answers: pip install stomp.py"""

import json
import sys

import stomp

HOST = ("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 61613)


class Printer(stomp.ConnectionListener):
    def on_message(self, frame):
        message = json.loads(frame.body)
        print(f'{message["senderName"]}: {message["content"]}', flush=True)


connection = stomp.Connection12([HOST], heartbeats=(10_000, 10_000))
connection.set_listener("", Printer())
# With TLS: connection.set_ssl(for_hosts=[HOST], ca_certs="ca.pem")
# With a token instead of the development login: connection.connect("", token, wait=True)
connection.connect("billing", wait=True)
connection.subscribe("/user/queue/messages", id="messages")
greeting = {"conversationId": "invoice-17", "recipientId": "alice", "content": "Your invoice is ready"}
connection.send("/app/chat.send", json.dumps(greeting))
sys.stdin.read()  # Until the end of the input.
connection.disconnect()
