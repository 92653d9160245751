import {spawnSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import test from 'ava';
import {isFplError} from '../../../../core/errors.js';
import {connectMqtt} from '../../../../core/wire/transports/mqtt-connect.js';
import {startBroker} from '../../../../fog-broker/broker.js';
import {until} from '../../../contracts/transport.js';

/** A key and a certificate for localhost signed by itself, or undefined where there is no openssl. */
function selfSigned(): {readonly key: Buffer; readonly cert: Buffer} | undefined {
	const folder = mkdtempSync(path.join(os.tmpdir(), 'fpl-tls-'));
	try {
		const [key, cert] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
		const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
		const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
		const args = ['req', '-x509', ...curve, '-keyout', key, '-out', cert, '-days', '2', ...subject];
		const {status} = spawnSync('openssl', args, {stdio: 'ignore'});
		return status === 0 ? {key: readFileSync(key), cert: readFileSync(cert)} : undefined;
	} finally {
		rmSync(folder, {recursive: true});
	}
}

const identity = selfSigned();

if (identity) {
	test('a connection over TLS needs a certificate that is trusted', async t => {
		const broker = await startBroker({listen: 'mqtt://127.0.0.1:0'});
		const sockets = new Set<tls.TLSSocket>();
		const server = tls.createServer({...identity, requestCert: true, rejectUnauthorized: false}, socket => {
			sockets.add(socket);
			socket.on('error', () => {});
			const inner = broker.open();
			inner.on('error', () => {});
			socket.pipe(inner).pipe(socket);
		});
		await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
		const address = server.address();
		const port = typeof address === 'object' && address ? address.port : 0;
		const connect = (more: object) =>
			connectMqtt({broker: `mqtts://localhost:${port}`, clientId: `tls-${Math.random()}`, tls: more});

		const error = await t.throwsAsync(connect({}));
		t.true(isFplError(error, 'BROKER_UNREACHABLE'));
		t.regex(error!.message, /self.signed/u);

		const transport = await connect({ca: identity.cert, key: identity.key, cert: identity.cert});
		let seen = '';
		await transport.subscribe('x', (_, payload) => {
			seen = Buffer.from(payload).toString();
		});
		await transport.publish('x', [Buffer.from('over '), Buffer.from('TLS')]);
		await until('the message', () => seen !== '');
		t.is(seen, 'over TLS');
		t.true([...sockets].some(socket => socket.getPeerCertificate().subject?.CN === 'localhost'));
		await transport.close();
		for (const socket of sockets) {
			socket.destroy();
		}
		await new Promise(resolve => server.close(resolve));
		await broker.close();
	});
} else {
	test('TLS is not tested here', t => {
		t.log('skipped: no openssl on this machine to make a certificate with');
		t.pass();
	});
}
