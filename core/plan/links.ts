/** How tensors are encoded on their way from one device to another. */
import {z} from 'zod';
import {type CodecSpec, codecSpec} from '../codec/spec.js';
import {expectedDevice, isId} from '../ids.js';

const party = z
	.string()
	.refine(value => value === '*' || isId(value), `${expectedDevice}, or «*»`)
	.default('*');

/** From a device to a device; `*` is any. What goes to and from the parameter server is always fp32. */
export const linkSchema = z.strictObject({from: party, to: party, codec: codecSpec});

interface Linked {
	readonly links: readonly {readonly from: string; readonly to: string; readonly codec: CodecSpec}[];
}

const fits = (pattern: string, name: string): boolean => pattern === '*' || pattern === name;

const fp32: CodecSpec = {kind: 'fp32'};

/** The codec of the first link that fits; fp32 where none does. */
export const codecFor = ({links}: Linked, from: string, to: string): CodecSpec =>
	links.find(link => fits(link.from, from) && fits(link.to, to))?.codec ?? fp32;
