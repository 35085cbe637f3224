'use strict';
/* socket-activation.cjs - lets a node server that knows nothing of systemd live behind a socket
 * unit: node --require socket-activation.cjs PROGRAM…
 *
 * The program's first listen() gets the sockets systemd passed (sd_listen_fds(3)), whatever host
 * and port it asks for: fd 3 is 127.0.0.1:PORT, fd 4 [::1]:PORT where there is one. Each is a server
 * of ours that hands its connections on, so the program has one server and sees one address.
 *
 * A loopback port has no owner, so each connection is looked up in /proc/net: whose other end
 * does not belong to the owner of this process or to root is destroyed before a byte is read.
 * What cannot be told is refused.
 *
 * After DEVVM_IDLE_SECONDS without a connection and without a command to a browser the process
 * ends itself with SIGTERM, which the program takes to close its browser. A long stream is a
 * connection and is never cut. No connection is lost: what was not accepted is still with
 * systemd, which starts the service again.
 */
const childProcess = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');

const FIRST_FD = 3;
const MAX_FDS = 2;
const END_MS = 20000; /* playwright gives its browser 15 s */
const LOOKS_PER_IDLE = 20;
const LOOKUPS = 3; /* the kernel's list is no snapshot: a line can be missed while others go */
const UID_FIELD = 7, INODE_FIELD = 9; /* of a line, proc_net_tcp(5) */

const nPassed = Number(process.env.LISTEN_PID) === process.pid ? Number(process.env.LISTEN_FDS) : 0;
const idleMs = (Number(process.env.DEVVM_IDLE_SECONDS) || 900) * 1000;
const agent = process.env.DEVVM_AGENT;
const fds = Array.from({ length: Math.min(nPassed, MAX_FDS) || 0 }, (_, i) => FIRST_FD + i);

/* What the program starts is not meant by them. */
for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES', 'DEVVM_IDLE_SECONDS', 'DEVVM_AGENT'])
	delete process.env[name];
if (fds.length === 0) {
	console.error('no socket was passed: start playwright-mcp@USER.socket, not this program');
	process.exit(1);
}

/* ---- who is it ---- */

/* As /proc/net writes it: 32-bit words of network order, printed as this machine's numbers. */
function hexWord(bytes) {
	const ordered = os.endianness() === 'LE' ? [...bytes].reverse() : bytes;
	return Buffer.from(ordered).toString('hex').toUpperCase();
}

/* An address in each table, [of tcp, of tcp6]; undefined where it cannot stand. An IPv4 address is
 * in tcp6 when the other end uses a socket for both. */
function hexAddress(address) {
	const v4 = address.replace(/^::ffff:/i, '');
	if (net.isIPv4(v4)) {
		const word = hexWord(v4.split('.').map(Number));
		return [word, '0'.repeat(16) + hexWord([0, 0, 255, 255]) + word];
	}
	return [undefined, address === '::1' ? '0'.repeat(24) + hexWord([0, 0, 0, 1]) : undefined];
}

const hexPort = (port) => port.toString(16).toUpperCase().padStart(4, '0');

/* What stands before and behind the addresses of the other end in its line of each table. */
function linePart(socket, table) {
	const ours = hexAddress(socket.localAddress)[table], theirs = hexAddress(socket.remoteAddress)[table];
	return ours && theirs &&
		` ${theirs}:${hexPort(socket.remotePort)} ${ours}:${hexPort(socket.localPort)} `;
}

/* A socket that was closed already is nobody's: the kernel shows it without an inode, as root's. */
function isAllowed(line) {
	const fields = line.trim().split(/\s+/);
	return fields[INODE_FIELD] !== '0' && [0, process.getuid()].includes(Number(fields[UID_FIELD]));
}

/* true or false; undefined where no line tells. */
function isOurs(socket, tables) {
	if (!socket.remoteAddress)
		return false; /* gone already */
	const ends = tables.flatMap((lines, table) => {
		const part = linePart(socket, table);
		return part ? lines.filter((line) => line.includes(part)) : [];
	});
	return ends.length > 0 ? ends.every(isAllowed) : undefined;
}

async function readTables() {
	return Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map(async (file) => {
		try {
			return (await fs.promises.readFile(file, 'latin1')).split('\n');
		} catch {
			return []; /* a kernel without IPv6; with neither, everybody is refused */
		}
	}));
}

/* One look at the tables serves all who came before it, so a flood of connections does not
 * keep the program from its work: the tables are slow to read. */
async function judge() {
	while (waiting.length > 0) {
		const batch = waiting.splice(0);
		nJudged = batch.length;
		const tables = await readTables();
		for (const one of batch) {
			const verdict = isOurs(one.socket, tables);
			if (verdict === undefined && ++one.nLooks < LOOKUPS)
				waiting.push(one);
			else if (verdict)
				admit(one);
			else
				one.socket.destroy();
		}
		nJudged = 0;
	}
}

/* ---- when to end ---- */

const waiting = []; /* to be judged: { target, socket, nLooks } */
let nJudged = 0; /* being judged now */
const connections = new Set(); /* handed to the program */
const browserPipes = new Set();
let fronts = [];
let lookTimer, busyAtMs = 0, commandBytesSeen = 0;

/* A browser is driven over fd 3 of the child; only what is asked of it is written there, so a
 * forgotten page that animates for ever is not work. */
const spawn = childProcess.spawn;
childProcess.spawn = function (...args) {
	const child = spawn.apply(this, args);
	const pipe = child.stdio?.[3];
	if (pipe) {
		browserPipes.add(pipe);
		child.once('exit', () => browserPipes.delete(pipe));
	}
	return child;
};

function commandBytes() {
	return [...browserPipes].reduce((sum, pipe) => sum + (pipe.bytesWritten || 0), 0);
}

/* In one turn of the loop: nothing can be accepted between the look and the closing. */
function look() {
	const bytes = commandBytes();
	if (connections.size > 0 || bytes !== commandBytesSeen)
		busyAtMs = performance.now();
	commandBytesSeen = bytes;
	/* Who is still to be judged does not make it busy: a stranger could keep it up for ever. */
	if (performance.now() - busyAtMs >= idleMs && waiting.length + nJudged === 0)
		end();
}

function end() {
	clearInterval(lookTimer);
	fronts.forEach((front) => front.close());
	console.error(`idle for ${idleMs / 1000} s: ending until the next connection`);
	/* Also keeps the loop turning until the signal is delivered: nothing else may. */
	setTimeout(() => process.exit(0), END_MS);
	process.kill(process.pid, 'SIGTERM');
}

/* ---- the sockets ---- */

function onConnection(target, socket) {
	waiting.push({ target, socket, nLooks: 0 });
	if (nJudged === 0 && waiting.length === 1)
		setImmediate(judge);
}

function admit({ target, socket }) {
	connections.add(socket);
	socket.once('close', () => {
		connections.delete(socket);
		busyAtMs = performance.now();
	});
	target.emit('connection', socket);
	socket.resume();
}

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...args) {
	const callback = args.at(-1);
	let nWaiting = fds.length;

	net.Server.prototype.listen = listen;
	if (typeof callback === 'function')
		this.once('listening', callback);
	fronts = fds.map((fd) => {
		const front = new net.Server(
			{ allowHalfOpen: this.allowHalfOpen, noDelay: true, pauseOnConnect: true },
			(socket) => onConnection(this, socket));
		front.on('error', (error) => this.emit('error', error));
		return listen.call(front, { fd }, () => --nWaiting === 0 && this.emit('listening'));
	});
	this.address = () => fronts[0].address();
	busyAtMs = performance.now();
	/* Not in the timer itself: after a stall it runs before what came meanwhile is accepted. */
	lookTimer = setInterval(() => setImmediate(look), idleMs / LOOKS_PER_IDLE);
	return this;
};

/* A program that ends before it listens leaves the connection that started it with systemd,
 * which would start it again at once, for ever: that client is told, and gone. */
process.on('exit', () => {
	if (fronts.length === 0 && agent)
		childProcess.spawnSync(agent, ['playwright-refuse', 'the server failed to start'],
			{ stdio: ['ignore', 'inherit', 'inherit', ...fds] });
});
