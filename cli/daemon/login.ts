/** How a daemon logs in at a broker: user, password and TLS files of its configuration. */
import {readFile} from 'node:fs/promises';
import {fileProblem} from '../../core/atomic-file.js';
import {FplError} from '../../core/errors.js';
import type {MqttOptions, TlsOptions} from '../../core/wire/transports/mqtt-options.js';

type TlsFiles = Readonly<Partial<Record<'ca' | 'key' | 'cert', string | undefined>>>;

async function readPem(kind: string, file: string | undefined): Promise<Buffer | undefined> {
	try {
		return file === undefined ? undefined : await readFile(file);
	} catch (error) {
		throw new FplError('CONFIG_FILE', {where: `tls.${kind}, ${file}`, problem: fileProblem(error)}, {cause: error});
	}
}

async function readTls({ca, key, cert}: TlsFiles): Promise<TlsOptions> {
	const files = {ca: await readPem('ca', ca), key: await readPem('key', key), cert: await readPem('cert', cert)};
	return Object.fromEntries(Object.entries(files).filter(([, pem]) => pem !== undefined));
}

/** @throws FplError `CONFIG_FILE` naming the file that cannot be read. */
export async function login({
	username,
	password,
	tls,
}: {
	readonly username?: string | undefined;
	readonly password?: string | undefined;
	readonly tls?: TlsFiles | undefined;
}): Promise<Pick<MqttOptions, 'username' | 'password' | 'tls'>> {
	return {
		...(username === undefined ? {} : {username}),
		...(password === undefined ? {} : {password}),
		...(tls === undefined ? {} : {tls: await readTls(tls)}),
	};
}
