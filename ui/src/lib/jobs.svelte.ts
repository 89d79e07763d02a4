// Follows long operations until they have ended, wherever they were begun: one place for every page.
import type { JobRequest, JobSummary } from './api/types';
import { backend, Failure } from './backend';
import { live } from './live.svelte';

class Jobs {
  /** What the streams said, newer than the status. */
  #followed = $state<Record<number, JobSummary>>({});
  /** Those that this page began or saw running, oldest first. */
  known = $state<number[]>([]);
  #following = new Set<number>();

  /** Begins one; throws when the engine refuses it. */
  async start(database: string, request: JobRequest): Promise<number> {
    const job = await backend.startJob(database, request);
    this.#followed[job.id] = job;
    this.follow(job.id);
    return job.id;
  }

  follow(id: number): void {
    if (!this.known.includes(id)) this.known.push(id);
    if (this.#following.has(id)) return;
    this.#following.add(id);
    const stop = new AbortController();
    void backend
      .followJob(id, (job) => (this.#followed[id] = job), stop.signal)
      .catch((error: unknown) => {
        if (!(error instanceof Failure)) throw error;
      })
      .finally(() => this.#following.delete(id));
  }

  get(id: number | null): JobSummary | null {
    if (id === null) return null;
    return this.#followed[id] ?? live.status?.jobs.find((job) => job.id === id) ?? null;
  }

  /** Those that run, of every database. */
  get running(): JobSummary[] {
    const jobs = (live.status?.jobs ?? []).map((job) => this.#followed[job.id] ?? job);
    return jobs.filter((job) => job.state === 'running');
  }
}

export const jobs = new Jobs();
