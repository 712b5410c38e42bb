"""A line to a port of this machine on which everything takes its time, as to a registry that is far away."""

import queue, socket, threading, time

CHUNK = 1 << 16


class Line:
    """Listens on a free port of the loopback until the end of the `with`. Bytes arrive half a round trip later than they were
    sent, however many are on their way; a new connection costs one round trip, as TCP's handshake does."""

    def __init__(self, target, round_trip):
        self.target, self.delay = target, round_trip / 2

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.accepting = threading.Thread(target=self.accept, daemon=True)
        self.accepting.start()
        return self

    def __exit__(self, *_):
        # Ends the thread's `accept` before the descriptor is free: the next line's listener gets the same number, and a
        # thread that still waits there takes its connections to a registry that has ended.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.accepting.join()
        self.listener.close()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(near,), daemon=True).start()

    def serve(self, near):
        time.sleep(2 * self.delay)
        try:
            far = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            near.close()
            return
        for one, other in ((near, far), (far, near)):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            under_way = queue.Queue()
            threading.Thread(target=self.receive, args=(one, under_way), daemon=True).start()
            threading.Thread(target=self.deliver, args=(other, under_way), daemon=True).start()

    def receive(self, source, under_way):
        while True:
            try:
                piece = source.recv(CHUNK)
            except OSError:
                piece = b""
            under_way.put((time.monotonic() + self.delay, piece))
            if not piece:
                return

    def deliver(self, target, under_way):
        while True:
            due, piece = under_way.get()
            time.sleep(max(0, due - time.monotonic()))
            try:
                if not piece:
                    return target.shutdown(socket.SHUT_WR)
                target.sendall(piece)
            except OSError:
                return
