/** A thread that makes one drawing and ends. */
import {parentPort, workerData} from 'node:worker_threads';
import {type DrawingOrder, memoryOf, paint} from './painters.js';

const drawing = paint((workerData as {readonly order: DrawingOrder}).order);
parentPort?.postMessage(drawing, memoryOf(drawing));
