"""A proxy with a slow connection to a site, like that of a phone with poor reception."""

import contextlib
import socket
import socketserver
import threading
import time

PIECE = 1_024
PAUSE_S = 0.02


@contextlib.contextmanager
def slow_line(port):
    """Yield the URL of the slow proxy to the site on this port."""

    class Line(socketserver.BaseRequestHandler):
        def handle(self):
            with socket.create_connection(("127.0.0.1", port)) as site:
                asking = threading.Thread(target=_pass_on, args=(self.request, site))
                asking.start()
                _pass_on(site, self.request, pause_s=PAUSE_S)
                asking.join()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Line) as server:
        server.daemon_threads = True
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        serving.join()


def _pass_on(source, target, *, pause_s=0):
    # The browser or the site may close its end at any time.
    with contextlib.suppress(OSError):
        while piece := source.recv(PIECE):
            target.sendall(piece)
            time.sleep(pause_s)
    for each in (source, target):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
