"""The composition root: settings → parts → a running server. The only module that knows all of them."""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import random
import secrets
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from keepboth.api import create_api, prepare
from keepboth.api.entries import Viewpoint, entries
from keepboth.api.services import Services
from keepboth.api.standing import Standings
from keepboth.api.titles import Titles
from keepboth.api.web import is_built
from keepboth.conflicts.model import ENGINE_VERSION
from keepboth.errors import KeepBothError, NotFound, SettingsInvalid, StoreLocked
from keepboth.events import EventId, Micros
from keepboth.feeds.consumers import Consumers
from keepboth.feeds.following import Feeds
from keepboth.feeds.heads import Heads
from keepboth.feeds.webhooks import Deliverer, Policy
from keepboth.fold.frozen import VERSION
from keepboth.history.chronicle import Chronicles
from keepboth.history.chronicle_bytes import FORMAT
from keepboth.history.desk import Desk
from keepboth.history.folding import Folding
from keepboth.history.lineage import Lineages
from keepboth.history.past import Past
from keepboth.history.way import RightOfWay
from keepboth.live.bell import Bell
from keepboth.live.detection import Detector
from keepboth.live.gateway import Gateway, Identify
from keepboth.live.hub import Hub
from keepboth.live.introducing import Introducer
from keepboth.live.line_log import LineConflicts, LineLog
from keepboth.live.opening import Opening
from keepboth.live.projector import all_kept, rebuild
from keepboth.live.resolving import Resolver
from keepboth.live.reverting import Reverter
from keepboth.live.shelf import Shelf
from keepboth.live.watching import Lag
from keepboth.reducers.apart import Limits, Reductions
from keepboth.settings import Settings
from keepboth.store.base import EventStore
from keepboth.store.checkpoints import Checkpoints
from keepboth.store.conflict_log import StoredEpisode
from keepboth.store.conflicts import SqliteConflictStore
from keepboth.store.consumers import SqliteConsumers
from keepboth.store.fold_checkpoints import SqliteFoldCheckpoints
from keepboth.store.reduced import ReducedStore
from keepboth.store.sqlite import SqliteStore

LOG_FILE = "log.sqlite3"
CHECKPOINTS_FILE = "checkpoints.sqlite3"
CHRONICLES_FILE = "chronicles.sqlite3"
CONSUMERS_FILE = "consumers.sqlite3"
ENGINES_FILE = "engines.sqlite3"
PROJECTIONS_FILE = "projections.sqlite3"
REDUCED_FILE = "reduced.sqlite3"

_T = TypeVar("_T")


def now_us() -> Micros:
    """UTC microseconds since 1970."""
    return time.time_ns() // 1000


class IdMint:
    """UUIDv7: ascending within this process, so that the index on ids grows at its end."""

    def __init__(self) -> None:
        self._ms = 0
        self._next = 0
        # Seeded from the system once: asking it for every id lets go of the interpreter lock each time.
        self._random = random.Random(secrets.randbits(128))

    def __call__(self) -> EventId:
        """A new id: 48 bits of milliseconds, a 12-bit counter, 62 bits drawn once a millisecond."""
        ms = time.time_ns() // 1_000_000
        if ms > self._ms:
            self._ms = ms
            self._next = ms << 80 | 0x7 << 76 | 0x2 << 62 | self._random.getrandbits(62)
        else:
            self._next += 1 << 64
            if self._next >> 76 & 0xF != 0x7:  # 4,096 ids in one millisecond: borrow from the next
                self._ms += 1
                self._next = self._ms << 80 | 0x7 << 76 | 0x2 << 62 | self._random.getrandbits(62)
        return self._next.to_bytes(16, "big")


def open_store(data: Path, *, read_only: bool = False) -> SqliteStore:
    """The log in the folder *data*. Raises StoreLocked, StoreTooNew, StoreDamaged."""
    if read_only:
        return SqliteStore(data / LOG_FILE, read_only=True)
    data.mkdir(parents=True, exist_ok=True)
    return SqliteStore(data / LOG_FILE)


def open_conflicts(data: Path, *, read_only: bool = False, begin_anew: bool = True) -> SqliteConflictStore:
    """The conflict projection beside the log. Raises NotFound if it is to be read only, or must not be begun anew, and
    there is none of this version."""
    path = data / PROJECTIONS_FILE
    return SqliteConflictStore(path, version=ENGINE_VERSION, read_only=read_only, begin_anew=begin_anew)


def open_checkpoints(data: Path) -> SqliteFoldCheckpoints:
    """The folds that are kept beside the log."""
    return SqliteFoldCheckpoints(data / CHECKPOINTS_FILE, version=VERSION)


def open_chronicles(data: Path) -> SqliteFoldCheckpoints:
    """The sections of chronicles that are kept beside the log."""
    return SqliteFoldCheckpoints(data / CHRONICLES_FILE, version=FORMAT)


def described(store: EventStore, episodes: Sequence[StoredEpisode]) -> list[dict[str, Any]]:
    """Entries of the conflict log as editors get them over the socket."""
    return entries(store, episodes, Viewpoint(now_us()))


def rebuild_conflicts(
    data: Path, document: str | None = None, progress: Callable[[int, int], None] | None = None
) -> int:
    """Build the conflict log of *document* (or of all) again from the events; return how many entries it has.

    A server may run on the same folder, if it is of the same version. Raises NotFound if it is of another.
    """
    try:
        store, owned = open_store(data), True
    except StoreLocked:
        store, owned = open_store(data, read_only=True), False
    try:
        conflicts = open_conflicts(data, begin_anew=owned)
        try:
            return rebuild(store, conflicts, document, progress)
        finally:
            conflicts.close()
    finally:
        store.close()


def conflicts_by_line(store: EventStore, document: str) -> LineConflicts:
    """The conflicts of *document* at line grain, found from the log, however long that takes. Raises NotFound."""
    found = LineConflicts(store, document)
    with all_kept():
        found.advance()
    return found


def act_on_conflicts(data: Path, act: Callable[[Resolver], Awaitable[_T]]) -> _T:
    """Let *act* work on the conflicts in *data* as a server does, without serving. Raises StoreLocked."""

    async def main() -> _T:
        settings = Settings.model_validate({"data": data})
        detector = Detector(store, conflicts, partial(described, store))
        opening = Opening(store, Folding(store, checkpoints))
        hub = Hub(settings, store, now=now_us, new_id=IdMint(), watcher=detector, opening=opening)
        try:
            return await act(Resolver(hub, detector, store, conflicts))
        finally:
            await hub.stop()
            await hub.close()
            await detector.close()

    if not (data / LOG_FILE).exists():
        raise NotFound(f"there is no log in {data}")
    store = open_store(data)
    try:
        conflicts = open_conflicts(data)
        checkpoints = open_checkpoints(data)
        try:
            return asyncio.run(main())
        finally:
            checkpoints.close()
            conflicts.close()
    finally:
        store.close()


class _CatchUp:
    """What the API may ask of detection: wait for it."""

    def __init__(self, hub: Hub, detector: Detector) -> None:
        self._hub = hub
        self._detector = detector

    async def catch_up(self, document: str, timeout_s: float) -> int:
        """Revision up to which the conflicts of *document* are known, after waiting for at most *timeout_s*."""
        try:
            async with asyncio.timeout(timeout_s):
                room = await self._hub.live_room(document)
        except TimeoutError:
            return 0
        return await self._detector.caught_up(room, timeout_s)

    async def present(self, document: str, ids: Sequence[str], timeout_s: float) -> dict[str, str]:
        """What the document says where these entries are, as far as that can be told within *timeout_s*."""
        room = self._hub.room_at_hand(document)
        if room is None and timeout_s > 0:
            try:
                async with asyncio.timeout(timeout_s):
                    room = await self._hub.live_room(document)
            except TimeoutError:
                pass
        return {} if room is None else await self._detector.present(room, ids, timeout_s)

    def lags(self, document: str | None = None) -> list[Lag]:
        """Live documents that the engine is behind in."""
        return self._detector.lags(document)

    @property
    def bell(self) -> Bell:
        """Rung when the conflict log has changed."""
        return self._detector.bell

    def statistics(self) -> dict[str, Any]:
        """What detection has done so far."""
        return self._detector.statistics()


class HttpConnection(HttpToolsProtocol):
    """uvicorn's, and a request's head takes ``handshake_timeout_s`` at most: uvicorn waits for one without end."""

    head_timeout_s: float
    _head_timer: asyncio.TimerHandle | None = None

    def _await_head(self) -> None:
        self._head_done()
        self._head_timer = self.loop.call_later(self.head_timeout_s, self._head_late)

    def _head_late(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()

    def _head_done(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        self._head_done()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_done()
        super().connection_lost(exc)


class Server(uvicorn.Server):
    """uvicorn for HTTP, our gateway for editing sockets, one port; stops them in the right order."""

    def __init__(self, config: uvicorn.Config, application: Application, announce: bool) -> None:
        super().__init__(config)
        self._application = application
        self._announce = announce

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM ask for a shutdown. uvicorn raises them again afterwards, which would end the process
        before the store is closed; this does not."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM)
        for number in signals:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if not self.started:
            return
        port = self.servers[0].sockets[0].getsockname()[1]
        host = self.config.host
        self._application.url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        if self._announce:
            hint = " (try /demo)" if is_built(self._application.settings.pages) else ""
            print(f"KeepBoth ready: {self._application.url}{hint}", flush=True)

    async def shutdown(self, sockets: Any = None) -> None:
        """Stop accepting, finish the commit under way, close the sockets with 1012, then HTTP."""
        for server in self.servers:
            server.close()
        self._application.way.close()
        self._application.heads.close()
        self._application.consumers.close()
        self._application.detector.bell.close()
        await self._application.gateway.stop()
        await super().shutdown(sockets)


class Application:
    """Everything of one server, made inside its event loop by :meth:`start`."""

    def __init__(self, settings: Settings, identify: Identify | None = None) -> None:
        self.settings = settings
        self.identify = identify if identify is not None else load_identify(settings.identify)
        self.url = ""
        self.store = open_store(settings.data)
        self.conflicts = open_conflicts(settings.data)
        self.checkpoints = open_checkpoints(settings.data)
        self.way = RightOfWay()
        self.folding = Folding(self.store, self.checkpoints)
        past = Past(self.store, self.folding, Lineages(self.store, way=self.way), self.way)
        self.sections = open_chronicles(settings.data)
        self.desk = Desk(self.folding, past, self.way, Chronicles(self.store, kept=self.sections))
        self.engines = Checkpoints(settings.data / ENGINES_FILE)
        self.heads = Heads()
        self.feeds = Feeds(
            self.store, self.heads, now_us, Standings(self.store, self.conflicts, self.desk, self._catch_up)
        )
        self.consumers = Consumers(self.feeds, SqliteConsumers(settings.data / CONSUMERS_FILE), secrets.token_urlsafe)
        self.deliverer: Deliverer
        self.hub: Hub
        self.detector: Detector
        self.gateway: Gateway
        self._server: Server | None = None

    async def serve(self, *, announce: bool = True, started: Callable[[Application], None] | None = None) -> None:
        """Run until told to stop (SIGINT, SIGTERM, or :meth:`stop`). ``announce``: say so, and be ready for the first
        request before it comes."""
        settings = self.settings
        new_id = IdMint()
        self.detector = Detector(
            self.store,
            self.conflicts,
            partial(described, self.store),
            shelf=Shelf(self.store, self.engines),
            way=self.way,
        )
        self.hub = Hub(
            settings,
            self.store,
            now=now_us,
            new_id=new_id,
            watcher=self.detector,
            opening=Opening(self.store, self.folding),
            way=self.way,
            committed=self.heads.moved,
        )
        self.gateway = Gateway(settings, self.hub, self.feeds, self.identify)
        self.deliverer = Deliverer(self.consumers, Policy.of(settings))
        reductions = Reductions(
            self.store,
            settings.data / LOG_FILE,
            ReducedStore(settings.data / REDUCED_FILE),
            now_us,
            specs=settings.reducers,
            limits=Limits(settings.reducer_seconds, settings.reducer_memory_bytes),
            most=settings.reducer_processes,
        )
        line_log = LineLog(self.store, settings.line_grain_edits)
        services = Services(
            settings=settings,
            store=self.store,
            conflicts=self.conflicts,
            line_log=line_log,
            desk=self.desk,
            feeds=self.feeds,
            consumers=self.consumers,
            deliverer=self.deliverer,
            reductions=reductions,
            hub=self.hub,
            detector=_CatchUp(self.hub, self.detector),
            resolver=Resolver(self.hub, self.detector, self.store, self.conflicts),
            reverter=Reverter(self.hub, self.desk),
            introduce=Introducer(self.store, new_id),
            titles=Titles(self.store),
            identify=self.identify,
            now=now_us,
            new_id=new_id,
            ready=lambda: not self.hub.stopping,
        )
        api = create_api(services)
        if announce:
            prepare(api)
        config = uvicorn.Config(
            api,
            host=settings.host,
            port=settings.port,
            ws=self.gateway.protocol_factory,  # type: ignore[arg-type]
            http=type("Http", (HttpConnection,), {"head_timeout_s": settings.handshake_timeout_s}),
            log_level=settings.log_level,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=int(settings.drain_timeout_s) or 1,
            backlog=2048,
        )
        self._server = Server(config, self, announce)
        try:
            await self.deliverer.start()
            await self._server.serve()
        finally:
            await self.deliverer.close()
            await self.hub.close()
            await self.detector.close()
            await reductions.close()
            line_log.close()
            self.desk.close()
            self.consumers.kept.close()
            self.store.close()
            self.engines.close()
            self.conflicts.close()
            self.checkpoints.close()
            self.sections.close()

    async def _catch_up(self, document: str, timeout_s: float) -> int:
        return await _CatchUp(self.hub, self.detector).catch_up(document, timeout_s)

    def stop(self) -> None:
        """Ask :meth:`serve` to end."""
        if self._server is not None:
            self._server.should_exit = True


def load_identify(path: str | None) -> Identify | None:
    """The hook that ``module:function`` names. Raises SettingsInvalid."""
    if not path:
        return None
    module, _, name = path.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsInvalid(f"the identify hook {path!r} cannot be loaded: {error}") from None
    if not callable(found):
        raise SettingsInvalid(f"the identify hook {path!r} is not a function")
    return found  # type: ignore[no-any-return]


def run(settings: Settings) -> int:
    """Serve until told to stop; return the exit code."""
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        application = Application(settings)
    except KeepBothError as error:
        print(f"keepboth: {error.code}: {error.detail}", file=sys.stderr)
        return 3
    factory: Any = None
    if sys.platform != "win32":
        import uvloop

        factory = uvloop.new_event_loop
    # Most of what a server allocates lives for one commit or for long: collect rarely, and never what was imported.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    # The writer thread lets go of the interpreter at every row; with the default of 5 ms it waits that long to go on.
    sys.setswitchinterval(0.0005)
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(application.serve())
    return 0
