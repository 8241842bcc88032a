//! Every bound of the host that is not a setting, each with its reason.

use std::time::Duration;

/// TLS 1.3 tickets sent with the control handshake: some clients use a ticket once and open
/// several data connections at a time.
pub const TLS13_TICKETS: usize = 4;

/// TLS sessions kept for the data connections of one control connection, 150 bytes each and the
/// client's certificates: the newest one serves, the others those that are still under way.
pub const TLS_STORED_SESSIONS: usize = 8;

/// Bytes of a certificate, key or authority file: a bundle of every public authority is 250 KiB.
pub const PEM_FILE_BYTES: u64 = 1024 * 1024;

/// Rest after the first sign of a changed certificate file, so that the chain and the key of one
/// renewal are read together.
pub const CERTIFICATE_RELOAD_DELAY: Duration = Duration::from_millis(500);

/// Validity of a self-signed certificate: clients pin its fingerprint, so changing it costs more
/// than its age.
pub const SELF_SIGNED_DAYS: i64 = 3650;

/// Connections that wait behind one passive port: the client's own and some strangers'.
pub const PASSIVE_BACKLOG: i32 = 16;

/// Ports tried for one PASV where other programs hold ports of the range; the next PASV draws
/// again, so giving up early costs one 425.
pub const PASSIVE_PORTS_TRIED: u32 = 128;

/// Connections from other addresses dropped while one data connection is awaited, from its PASV on
/// where it is to be protected. A flood of them costs its victim that transfer, not the host its
/// time.
pub const STRANGERS_PER_WAIT: u32 = 256;

/// Time for the name of an advertised address: clients wait 15 s and more for the reply to PASV.
pub const ADVERTISE_LOOKUP: Duration = Duration::from_secs(3);

/// Silence after which a control connection is probed: address translators forget idle
/// connections after 5 minutes, and a control connection is silent during a long transfer.
pub const KEEPALIVE_IDLE: Duration = Duration::from_secs(120);

/// Time between two probes.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);

/// Unanswered probes after which the peer is gone.
pub const KEEPALIVE_PROBES: u32 = 4;

/// Addresses whose failed logins are remembered, 64 bytes each. Where more fail at a time, the
/// oldest are forgotten.
pub const FAILED_LOGIN_ADDRESSES: usize = 65_536;

/// Users whose failed logins are remembered where there is a lockout, 56 bytes each. Where
/// strangers try more names, those that were tried least are forgotten, and locked ones last.
pub const LOCKOUT_USERS: usize = 65_536;

/// Delay of the reply to an address's first failed login; each further one doubles it.
pub const FAILED_LOGIN_DELAY_FIRST: Duration = Duration::from_millis(500);

/// The longest delay of a reply: clients give up after 15 s and more.
pub const FAILED_LOGIN_DELAY_MAX: Duration = Duration::from_secs(8);

/// Bytes that move at a time between a sink and a data connection: larger blocks save no further
/// CPU, and a thread that moves bytes holds at most four of them.
pub const TRANSFER_BLOCK_BYTES: usize = 256 * 1024;

/// Bytes that one sendfile(2) sends. It costs one call where a file takes thousands, and the
/// progress of the transfer is as coarse as that.
pub const SENDFILE_BYTES: usize = 16 * 1024 * 1024;

/// Bytes of a listing that are collected before they are sent.
pub const LISTING_BLOCK_BYTES: usize = 64 * 1024;

/// Entries of a directory that are held to be sorted for LIST and NLST, 200 bytes each: few people
/// read longer listings, and many transfers may list at a time.
pub const LISTING_SORTED_MAX: usize = 4096;

/// Connections accepted by the listeners and not yet given a task: it only smooths their hand-over.
pub const ACCEPT_BACKLOG: usize = 64;

/// Rest after an error of accept, which is most often a want of descriptors.
pub const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Connections that the kernel keeps until they are accepted: the burst of a whole fleet of devices
/// that are switched on together. The kernel cuts it to its own bound.
pub const LISTEN_BACKLOG: i32 = 4096;

/// Time for the header of the PROXY protocol, which a balancer sends before anything else; HAProxy
/// recommends three seconds and more, for a lost packet.
pub const PROXY_HEADER: Duration = Duration::from_secs(5);

/// Bytes of a header of the PROXY protocol, version 2, behind its first 16: addresses take 36, and
/// what balancers add to them some hundred.
pub const PROXY_HEADER_BYTES: usize = 4096;

/// Time for a client to take a reply from its socket. One that reads nothing for so long will not.
pub const REPLY_TIMEOUT: Duration = Duration::from_secs(60);

/// Time for a client to close its end after the last reply: most do at once.
pub const CLOSE_LINGER: Duration = Duration::from_secs(1);

/// Time after which it is asked whether the client of something that takes long is still there.
pub const PEER_CHECK: Duration = Duration::from_secs(2);

/// Silence after the last byte of an upload, and then between the lines of its reply: FileZilla
/// hangs up after 20 s. It is longer than a plugin's default deadline, so that what most gates
/// decide comes as one clean reply, and a refusal need not break one that has begun.
pub const COMMIT_SILENCE: Duration = Duration::from_secs(15);

/// Bytes of an upload that are read back for checksums that could not be computed while it came,
/// because it goes on from a file: a few seconds of one core.
pub const CHECKSUM_READ_BACK_BYTES: u64 = 1024 * 1024 * 1024;

/// Time for aborted transfers to end when the host stops: they only have to notice. And for plugins
/// to take the events that they are being told, which otherwise come again.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Entries that STAT shows, 100 bytes each. They are one reply and held in memory.
pub const STATUS_ENTRIES_MAX: usize = 10_000;

/// Blocking threads beyond one for each session: plugins are compiled and passwords verified there.
pub const SPARE_THREADS: usize = 64;

/// The longest that a grant is timed: beyond it a clock could not count, and no session lasts.
pub const GRANT_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Connections that one door of the admin endpoint serves at a time: a scraper, some operators and
/// a browser. More wait with the kernel.
pub const ADMIN_CONNECTIONS: usize = 32;

/// Time for a request to the admin endpoint to come, and for its answer to be made.
pub const ADMIN_REQUEST: Duration = Duration::from_secs(30);

/// Time after which a connection to the admin endpoint is closed, whatever its client does: one
/// that does not read its answer would keep its place for ever.
pub const ADMIN_CONNECTION: Duration = Duration::from_secs(300);

/// Bytes of the head of a request to the admin endpoint.
pub const ADMIN_HEAD_BYTES: usize = 16 * 1024;

/// Bytes of the body of a request to the admin endpoint: the largest lists some numbers.
pub const ADMIN_BODY_BYTES: usize = 64 * 1024;

/// Bytes of an answer that `wharf status` and its like take.
pub const ADMIN_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// Sessions that the status shows, the eldest first, 500 bytes each; it counts all.
pub const STATUS_SESSIONS_MAX: usize = 1000;

/// Time for a sink to show that it works when it is asked whether the host is ready.
pub const SINK_PROBE: Duration = Duration::from_secs(2);

/// Time between two times that what was measured is sorted into buckets: until then a call of a
/// plugin takes 8 bytes.
pub const METRICS_SETTLE: Duration = Duration::from_secs(2);

/// Bytes of one line that a server says to a probe, which is another's server as often as not.
pub const PROBE_LINE_BYTES: usize = 8 * 1024;

/// Lines of one reply to a probe: greetings fill a screen or two.
pub const PROBE_REPLY_LINES: usize = 1000;

/// Bytes of a listing that a probe takes: 100,000 files. Others do not probe in such directories.
pub const PROBE_LISTING_BYTES: usize = 16 * 1024 * 1024;
