/** The version of this software, from its package. */
import {readFileSync} from 'node:fs';
import {z} from 'zod';

/** Compiled files lie in dist/cli, two levels below the package. */
const file = new URL('../../package.json', import.meta.url);

export const softwareVersion = z.object({version: z.string()}).parse(JSON.parse(readFileSync(file, 'utf8'))).version;
