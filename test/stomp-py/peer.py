"""A stomp.py connection that remembers what it got, for the scenarios."""

import json
import threading

import stomp

KINDS = {"1.0": stomp.Connection10, "1.1": stomp.Connection11, "1.2": stomp.Connection12}
TIMEOUT_S = 20


class Peer(stomp.ConnectionListener):
    """Connects at once; `with` ends it with a DISCONNECT whose receipt is waited for."""

    def __init__(self, port, user, version="1.2", passcode="", ca_certs=None, **options):
        self.version = version
        self.user = user
        self.messages = []
        self.receipts = []
        self.errors = []
        self.heartbeats = 0
        self.is_disconnected = False
        self._changed = threading.Condition()
        self._made = 0
        address = ("127.0.0.1", port)
        self.connection = KINDS[version]([address], **options)
        if ca_certs is not None:
            self.connection.set_ssl(for_hosts=[address], ca_certs=ca_certs)
        self.connection.set_listener("peer", self)
        self.connection.connect(user, passcode, wait=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.is_disconnected:
            return
        self.connection.disconnect(receipt="the end")
        if kind is None:
            self.until(lambda: self.is_disconnected, "the end of the connection")

    # What stomp.py tells, from its own thread.

    def on_message(self, frame):
        self._note(lambda: self.messages.append(frame))

    def on_receipt(self, frame):
        self._note(lambda: self.receipts.append(frame.headers["receipt-id"]))

    def on_error(self, frame):
        self._note(lambda: self.errors.append(frame.headers.get("code")))

    def on_heartbeat(self):
        def count():
            self.heartbeats += 1

        self._note(count)

    def on_disconnected(self):
        def end():
            self.is_disconnected = True

        self._note(end)

    def _note(self, change):
        with self._changed:
            change()
            self._changed.notify_all()

    def until(self, condition, what):
        with self._changed:
            if not self._changed.wait_for(condition, TIMEOUT_S):
                got = [(m.headers, m.body) for m in self.messages]
                raise AssertionError(f"{self.user} waited for {what}; got {got} {self.errors}")

    def count(self, count):
        """The messages, once there are so many."""
        self.until(lambda: len(self.messages) >= count, f"{count} messages")
        return self.messages

    def bodies(self, count):
        return [message.body for message in self.count(count)]

    def events(self, count):
        return [json.loads(body) for body in self.bodies(count)]

    # What it says; each resolves with the RECEIPT.

    def confirmed(self, act):
        self._made += 1
        receipt = f"{self.user}-{self._made}"
        act(receipt)
        self.until(lambda: receipt in self.receipts, f"the receipt {receipt}")

    def subscribe(self, destination, ack="auto", **headers):
        self.confirmed(
            lambda receipt: self.connection.subscribe(
                destination, id=destination, ack=ack, headers={**headers, "receipt": receipt}
            )
        )

    def send(self, destination, body, **headers):
        self.confirmed(
            lambda receipt: self.connection.send(
                destination, body, headers={**headers, "receipt": receipt}
            )
        )

    def chat(self, recipient, content, conversation="py"):
        body = {"conversationId": conversation, "recipientId": recipient, "content": content}
        self.send("/app/chat.send", json.dumps(body))

    def ack(self, message, transaction=None):
        self.confirmed(
            lambda receipt: self.connection.ack(
                *self._name(message), transaction=transaction, receipt=receipt
            )
        )

    def nack(self, message, transaction=None):
        self.confirmed(
            lambda receipt: self.connection.nack(
                *self._name(message), transaction=transaction, receipt=receipt
            )
        )

    def _name(self, message):
        """How the version names a message in ACK and NACK."""
        if self.version == "1.2":
            return (message.headers["ack"],)
        if self.version == "1.1":
            return (message.headers["message-id"], message.headers["subscription"])
        return (message.headers["message-id"],)
