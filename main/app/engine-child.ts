import { utilityProcess } from 'electron';
import type { EngineChild, StartEngine } from '../studio/engine-child.ts';

const keptCharacters = 4000;

/** Starts engines as utility processes of the application; ONNX Runtime is loaded there and nowhere else. */
export function utilityEngine(file: string): StartEngine {
  return (): EngineChild => {
    const child = utilityProcess.fork(file, [], { serviceName: 'Gamut engine', stdio: ['ignore', 'ignore', 'pipe'] });
    let lastWords = '';
    child.stderr?.setEncoding('utf8' as never);
    child.stderr?.on('data', (text: string) => {
      lastWords = (lastWords + text).slice(-keptCharacters);
    });
    return {
      get pid() {
        return child.pid;
      },
      send: (message) => {
        child.postMessage(message);
      },
      kill: () => {
        // utilityProcess.kill asks politely; an engine inside a long model call does not hear that.
        if (child.pid !== undefined) process.kill(child.pid, 'SIGKILL');
      },
      onMessage: (listener) => {
        child.on('message', listener);
      },
      onExit: (listener) => {
        child.once('exit', (code) => {
          listener(`exit code ${code}`, lastWords);
        });
      },
    };
  };
}
