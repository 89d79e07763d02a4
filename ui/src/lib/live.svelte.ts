// What every page knows: the status as it changes, whether the engine answers, the time, and how far behind each database
// was while this page was open.
import type { Status } from './api/types';
import { backend, Failure } from './backend';
import { speak } from './i18n.svelte';

/** How many seconds of the lag are kept: an hour. */
export const KEPT = 3600;

export type Link = 'opening' | 'open' | 'offline' | 'closed';

class Live {
  link = $state<Link>('opening');
  status = $state.raw<Status | null>(null);
  /** The time, each second. */
  now = $state(Date.now());
  /** Seconds behind, one a second, by database. */
  lag = $state.raw<Record<string, number[]>>({});
  /** Why the page may not look, in the engine's words. */
  closedBecause = $state<string | null>(null);
  #arrived = 0;
  #stop: AbortController | null = null;

  start(): void {
    if (this.#stop) return;
    this.#stop = new AbortController();
    setInterval(() => this.#tick(), 1000);
    void this.#follow(this.#stop.signal);
  }

  /** The link did not open the dashboard. */
  refuse(error: unknown): void {
    this.link = error instanceof Failure && error.offline ? 'offline' : 'closed';
    this.closedBecause = error instanceof Failure ? error.report.message : String(error);
  }

  /** The age of a database's oldest waiting change, going on between two statuses. */
  lagOf(name: string): number {
    const database = this.status?.databases.find((one) => one.name === name);
    if (!database || database.lag_seconds === 0) return 0;
    return database.lag_seconds + (this.now - this.#arrived) / 1000;
  }

  async #follow(signal: AbortSignal): Promise<void> {
    let wait = 500;
    while (!signal.aborted) {
      try {
        speak((await backend.about()).language);
        await backend.followStatus((status) => {
          this.#arrived = Date.now();
          this.status = status;
          this.link = 'open';
          wait = 500;
        }, signal);
      } catch (error) {
        if (error instanceof Failure && error.closed) {
          this.link = 'closed';
          return;
        }
      }
      // A stream that ended well does so because the engine ends.
      this.link = 'offline';
      await new Promise((resume) => setTimeout(resume, wait));
      wait = Math.min(wait * 2, 5000);
    }
  }

  #tick(): void {
    this.now = Date.now();
    if (this.link !== 'open' || !this.status) return;
    const lag: Record<string, number[]> = {};
    for (const { name } of this.status.databases) lag[name] = [...(this.lag[name] ?? []).slice(1 - KEPT), this.lagOf(name)];
    this.lag = lag;
  }
}

export const live = new Live();

/** After the language was set: the engine's new one, once it speaks it. */
export async function relearnLanguage(): Promise<void> {
  for (let tries = 0; tries < 10; tries += 1) {
    speak((await backend.about()).language);
    await new Promise((resume) => setTimeout(resume, 300));
  }
}
