// Runs a wasm32-wasip1 program with Node's WASI, as Cargo's runner for that target:
//   node --no-warnings tools/wasi.mjs PROGRAM ARGUMENTS
// The program sees all files, the environment and the folder that it is started in.
import { readFile, readdir } from 'node:fs/promises';
import { WASI } from 'node:wasi';

const [program, ...args] = process.argv.slice(2);
// Not `/` itself: wasi-libc tells it from `.` no more, once it has cut the slash off.
const folders = (await readdir('/', { withFileTypes: true })).filter((entry) => entry.isDirectory());
const wasi = new WASI({
  version: 'preview1',
  args: [program, ...args],
  env: process.env,
  preopens: { ...Object.fromEntries(folders.map(({ name }) => [`/${name}`, `/${name}`])), '.': process.cwd() },
});
const module = await WebAssembly.compile(await readFile(program));
const instance = await WebAssembly.instantiate(module, wasi.getImportObject());
process.exitCode = wasi.start(instance);
