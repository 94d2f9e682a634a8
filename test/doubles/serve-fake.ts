import { openBrowserHost } from '../../main/serve/browser-host.ts';
import { openFakeStudio } from './fake-studio.ts';

/** The window on a made-up studio, to look at: `node test/doubles/serve-fake.ts [port] [images]`. */
const [port = '4310', images = '0'] = process.argv.slice(2);
const host = await openBrowserHost({
  studio: openFakeStudio({ images: Number(images), stepTime: 15 }),
  windowFolder: 'out/renderer',
  port: Number(port),
  host: '127.0.0.1',
});
console.log(host.invite());
