// A whole host for a test: the built program in a home of its own, with the real Litestream and MinIO, and databases that
// another program (`sqlite3`) writes to.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Page } from '@playwright/test';

import type { Status } from '../src/lib/api/types';

/** The program under test: `cargo xtask ui` names it. */
const PROGRAM = process.env.SQLITE_REPLICATE_PROGRAM ?? '../target/debug/sqlite-replicate';

export class Host {
  readonly dir = mkdtempSync(join(tmpdir(), 'ui-'));
  readonly home = join(this.dir, 'home');
  #engine: ChildProcess | null = null;
  #output = '';

  constructor(toml = '') {
    mkdirSync(this.home);
    // A port of its own for /health; a restore test only when a test asks for one.
    writeFileSync(this.config, `[host]\nname = "HOST-A"\n\n[health]\nlisten = "127.0.0.1:0"\n${toml}`);
  }

  get config(): string {
    return join(this.home, 'config.toml');
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  async start(language = 'en'): Promise<this> {
    const set = readFileSync(this.config, 'utf8').includes('[ui]');
    if (!set) writeFileSync(this.config, `${readFileSync(this.config, 'utf8')}\n[ui]\nlanguage = "${language}"\n`);
    const engine = spawn(PROGRAM, ['run', '--home', this.home], { stdio: ['ignore', 'pipe', 'pipe'], env: this.#environment() });
    engine.stdout.on('data', (data: Buffer) => (this.#output += data.toString()));
    engine.stderr.on('data', (data: Buffer) => (this.#output += data.toString()));
    this.#engine = engine;
    await until('the engine answers', () => {
      if (engine.exitCode !== null) throw new Error(`the engine ended: ${this.#output}`);
      return existsSync(join(this.home, 'control.json')) && this.status() !== null;
    });
    return this;
  }

  #environment(): NodeJS.ProcessEnv {
    const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('SQLITE_REPLICATE_'));
    return { ...Object.fromEntries(kept), SQLITE_REPLICATE_BIN_DIR: process.env.SQLITE_REPLICATE_BIN_DIR ?? '', LC_ALL: 'C.UTF-8' };
  }

  cli(...args: string[]): string {
    return execFileSync(PROGRAM, ['--home', this.home, ...args], { env: this.#environment(), encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  status(): Status | null {
    try {
      return JSON.parse(this.cli('status', '--json')) as Status;
    } catch {
      return null;
    }
  }

  /** Opens the dashboard in a page, by a link as the command line gives it. */
  async open(page: Page): Promise<void> {
    const { url } = JSON.parse(this.cli('dashboard', '--print', '--json')) as { url: string };
    await page.goto(url);
    await page.locator('main').first().waitFor();
  }

  /** Runs statements on a database with a connection of their own, as a program would. */
  sql(name: string, statements: string): string {
    return execFileSync('sqlite3', ['-cmd', '.timeout 10000', this.path(name), statements], { encoding: 'utf8' }).trim();
  }

  /** A database with some orders. */
  database(name = 'orders.db', rows = 3): string {
    this.sql(name, 'PRAGMA journal_mode = WAL; CREATE TABLE orders (id INTEGER PRIMARY KEY, what TEXT)');
    for (let row = 1; row <= rows; row += 1) this.write(name, `order ${row}`);
    return this.path(name);
  }

  write(name: string, what: string): void {
    this.sql(name, `INSERT INTO orders (what) VALUES ('${what}')`);
  }

  rows(name: string): string[] {
    return this.sql(name, 'SELECT what FROM orders ORDER BY id').split('\n').filter(Boolean);
  }

  /** Protects a database, and waits until the engine has taken it over. */
  async protect(path: string): Promise<void> {
    const before = this.status()?.databases.length ?? 0;
    this.cli('add', path);
    await until('the database is protected', () => (this.status()?.databases.length ?? 0) > before);
  }

  /** Waits until all is stored. */
  sync(name = 'orders'): void {
    this.cli('sync', name);
  }

  /** The process of a bundled program. */
  pid(child: 'store' | 'capture'): number {
    const pid = this.status()?.children.find((one) => one.name === child)?.pid;
    if (!pid) throw new Error(`${child} does not run`);
    return pid;
  }

  async stop(): Promise<void> {
    const engine = this.#engine;
    if (engine && engine.exitCode === null) {
      const ended = new Promise((resolve) => engine.once('exit', resolve));
      engine.kill('SIGTERM');
      await Promise.race([ended, new Promise((_, reject) => setTimeout(() => reject(new Error('the engine does not end')), 20_000))]);
    }
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** What the folder of the databases holds. */
  files(): string[] {
    return readdirSync(this.dir).sort();
  }
}

export async function until(what: string, so: () => boolean, limit = 30_000): Promise<void> {
  const begun = Date.now();
  while (!so()) {
    if (Date.now() - begun > limit) throw new Error(`not in time: ${what}`);
    await new Promise((resume) => setTimeout(resume, 150));
  }
}
