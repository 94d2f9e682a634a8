import { workerData } from 'node:worker_threads';
import { writeLogBack } from './database.ts';

// Run as a thread, with the path of a library's database.
writeLogBack(String(workerData));
