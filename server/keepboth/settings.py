"""Every setting of the server, each with its environment variable (``KEEPBOTH_`` + the upper-case name)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """Settings from arguments, then the environment, then the defaults below. Documented in docs/operating.md."""

    model_config = SettingsConfigDict(env_prefix="KEEPBOTH_", extra="ignore")

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8100, ge=0, le=65535, description="port to listen on; 0 lets the system choose")
    data: Path = Field(Path("data"), description="folder that holds the log and its projections")
    pages: Path | None = Field(None, description="folder of the built web client; that of the package by default")
    identify: str | None = Field(None, description="`module:function` of the hook that says who opens a socket")
    log_level: str = Field("warning", description="debug, info, warning or error")

    origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="browser origins that may open editing sockets, with commas in between; empty: any",
    )
    max_connections: int = Field(10_000, ge=1, description="open editing sockets at most")
    max_frame_bytes: int = Field(32 * 1024 * 1024, ge=1024, description="largest frame or request body accepted")
    max_update_items: int = Field(
        500_000, ge=1000, description="structs and deleted ranges one message may bring: decoding takes 2 µs for each"
    )
    handshake_timeout_s: float = Field(10.0, gt=0, description="an opening handshake takes at most this long")
    ping_interval_s: float = Field(20.0, gt=0, description="seconds between pings on a quiet socket")
    ping_timeout_s: float = Field(20.0, gt=0, description="a socket that answers no ping for this long is closed")

    mailbox_edits: int = Field(
        4_000, ge=1, description="edits of one room waiting for the disk before it slows writers"
    )
    mailbox_bytes: int = Field(64 * 1024 * 1024, ge=1024, description="bytes of the same")
    mailbox_patience_s: float = Field(30.0, gt=0, description="a writer slowed for longer than this is closed")
    outbox_bytes: int = Field(
        8 * 1024 * 1024, ge=1024, description="bytes a reader may be behind before it is closed as slow"
    )
    room_idle_s: float = Field(60.0, ge=0, description="a room nobody is in leaves memory after this long")
    max_awareness_bytes: int = Field(64 * 1024, ge=128, description="largest awareness state of one client")
    max_pending_edits: int = Field(
        10_000, ge=1, description="edits of one room that wait for others before new pending ones are refused"
    )

    gather_ms: float = Field(
        5.0,
        ge=0,
        le=50,
        description="take edits in rounds of this many milliseconds while several are likely in each (trades latency "
        "for CPU); 0: never",
    )
    commit_on_loop: bool = Field(
        True,
        description="a few edits at a time are written by the event loop itself while the disk is quick (less CPU and "
        "latency; a disk that suddenly hangs then holds everything up, not edits alone)",
    )
    webhook_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="hosts that webhooks may be sent to, with commas in between; empty: any public one"
    )
    webhook_private: bool = Field(False, description="webhooks may go to private addresses and over plain HTTP")
    webhook_attempts: int = Field(12, ge=1, le=100, description="attempts before an event is parked")
    webhook_retry_s: float = Field(1.0, gt=0, description="wait after the first failure; doubled after each")
    webhook_timeout_s: float = Field(15.0, gt=0, description="a receiver must answer within this")
    line_grain_edits: int = Field(
        50_000, ge=0, description="edits of a document whose conflicts are found at line grain when asked for"
    )
    drain_timeout_s: float = Field(20.0, gt=0, description="a shutdown waits at most this long for what is under way")
    reducers: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="reducers that are offered besides the shipped and installed ones, with commas in between: "
        "`module:name` or `file.py:name`",
    )
    reducer_seconds: float = Field(60.0, gt=0, description="a reducer computes for at most this long for one answer")
    reducer_memory_bytes: int = Field(
        512 * 1024 * 1024, ge=64 * 1024 * 1024, description="memory that the process of a reducer may take"
    )
    reducer_processes: int = Field(4, ge=1, description="reducers that are at work at once")

    @field_validator("origins", "webhook_hosts", "reducers", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """The environment has them with commas in between."""
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
