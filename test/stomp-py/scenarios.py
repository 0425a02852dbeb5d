"""What stomp.py does against the server: scenarios.py SCENARIO PORT [ARGUMENT …]"""

import sys

from peer import Peer


def chat(port, version):
    """With a front end named `front`, who answers."""
    user = f"back-{version}"
    with Peer(port, user, version) as back:
        back.subscribe("/user/queue/messages")
        back.chat("front", "Grüße 👋", conversation=user)
        [answer] = back.events(1)
        assert answer["content"] == "zurück 👍", answer
        assert answer["senderId"] == "front", answer


def topic(port, version, ack):
    """Acknowledged messages of a topic; a NACK there means nothing, and harms nothing."""
    name = f"/topic/py-{version}-{ack}"
    with Peer(port, f"reader-{version}", version) as reader, Peer(port, "writer") as writer:
        reader.subscribe(name, ack)
        sent = [f"süß {number}" for number in range(20)]
        for body in sent:
            writer.send(name, body)
        assert reader.bodies(20) == sent
        if ack == "client":
            reader.ack(reader.messages[9])  # And with it all before.
        else:
            for message in reader.messages[:10]:
                reader.ack(message)
        if version != "1.0":
            reader.nack(reader.messages[10])
        assert reader.errors == []


def user_queue(port, version, ack):
    """What was not acknowledged comes again at the next connection, and nothing else does."""
    user = f"queue-{version}-{ack}"
    with Peer(port, f"{user}-writer", "1.2") as writer:
        with Peer(port, user, version) as reader:
            reader.subscribe("/user/queue/messages", ack)
            for number in range(6):
                writer.chat(user, f"{number}", conversation=user)
            messages = reader.count(6)
            if ack == "client":
                reader.ack(messages[3])
            else:
                for message in (messages[0], messages[2], messages[1], messages[3]):
                    reader.ack(message)
            if version != "1.0":
                reader.nack(messages[4])
        with Peer(port, user, version) as reader:
            reader.subscribe("/user/queue/messages", ack)
            again = [event["content"] for event in reader.events(2)]
            assert again == ["4", "5"], again
            reader.ack(reader.messages[0])
            reader.ack(reader.messages[1])
        with Peer(port, user, version) as reader:
            reader.subscribe("/user/queue/messages", ack)
            writer.chat(user, "new", conversation=user)
            last = [event["content"] for event in reader.events(1)]
            assert last == ["new"], last


def work_queue(port, version):
    """Each message to one consumer, until it is acknowledged."""
    name = f"/queue/py-{version}"
    with Peer(port, "producer") as producer, Peer(port, "two") as two:
        with Peer(port, "one", version) as one:
            one.subscribe(name, "client-individual" if version != "1.0" else "client")
            for number in range(4):
                producer.send(name, f"job {number}", colour="red")
            jobs = one.count(4)
            assert [job.headers["colour"] for job in jobs] == ["red"] * 4
            one.ack(jobs[0])
            if version == "1.0":
                one.ack(jobs[1])
            else:
                one.nack(jobs[1])  # Its only consumer gets it again.
                assert one.count(5)[4].body == "job 1"
                one.ack(one.messages[4])
        two.subscribe(name, "client-individual")
        jobs = two.count(2)
        assert [job.body for job in jobs] == ["job 2", "job 3"]
        assert [job.headers["redelivered"] for job in jobs] == ["true", "true"]
        for job in jobs:
            two.ack(job)


def transactions(port, version):
    """A job is taken and its result sent, both or neither."""
    jobs, results = f"/queue/jobs-{version}", f"/queue/results-{version}"
    with Peer(port, "worker", version) as worker, Peer(port, "boss") as boss:
        boss.subscribe(results)
        worker.subscribe(jobs, "client-individual" if version != "1.0" else "client")
        boss.send(jobs, "job")
        [job] = worker.count(1)
        aborted = worker.connection.begin()
        worker.send(results, "never", transaction=aborted)
        worker.ack(job, transaction=aborted)
        worker.connection.abort(aborted)
        committed = worker.connection.begin()
        worker.send(results, "done", transaction=committed)
        worker.ack(job, transaction=committed)
        assert boss.messages == []
        worker.confirmed(lambda receipt: worker.connection.commit(committed, receipt=receipt))
        boss.send(results, "the next")
        assert boss.bodies(2) == ["done", "the next"]


def heartbeats(port, version):
    """Idle for several intervals, and still there."""
    with Peer(port, "idle", version, heartbeats=(1_000, 1_000)) as idle:
        idle.until(lambda: idle.heartbeats >= 3, "heart-beats")
        idle.send("/topic/alive", "yes")
        assert idle.errors == []


def tls(port, ca_certs):
    with Peer(port, "safe", ca_certs=ca_certs) as safe:
        safe.subscribe("/topic/safe")
        body = "geheim 🔒" * 5_000
        safe.send("/topic/safe", body)
        assert safe.bodies(1) == [body]


def token(port, passcode):
    """Who somebody is stands in the token."""
    with Peer(port, "", passcode=passcode) as bearer:
        bearer.subscribe("/user/alice/queue/messages")
        assert bearer.errors == []


def shutdown(port):
    """Tells that it is there; the server stops then."""
    with Peer(port, "left", reconnect_attempts_max=1) as left:
        print("connected")
        left.until(lambda: left.is_disconnected, "the end of the server")
        assert left.errors == ["SHUTTING_DOWN"], left.errors


if __name__ == "__main__":
    scenario, server_port, *arguments = sys.argv[1:]
    globals()[scenario](int(server_port), *arguments)
    print("done")
