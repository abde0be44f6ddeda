"""A server that sends bytes as they are, for responses that no library would write."""

import socket
from contextlib import contextmanager, suppress
from threading import Thread


@contextmanager
def raw_server(respond):
    """Serve on loopback; give the address.

    `respond` gives the bytes that answer the request for a path with its query. If they say
    ``Connection: close``, nothing follows them.
    """

    def answer(connection):
        with suppress(OSError), connection:
            while request := connection.recv(65536):
                response = respond(request.split(b" ", 2)[1].decode())
                connection.sendall(response)
                if b"Connection: close" in response:
                    return

    def accept(server):
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                Thread(target=answer, args=[connection], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=accept, args=[server], daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
