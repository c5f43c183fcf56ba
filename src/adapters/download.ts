import type { Host } from "../core/host.ts";

/** Why nothing, or not all, came. */
export class DownloadError extends Error {
  constructor(
    readonly kind: "refused" | "answered" | "stalled" | "too-large" | "interrupted",
    message: string,
  ) {
    super(message);
  }
}

export interface DownloadOptions {
  /** Whether an address may be asked: of the first, and of each that it is redirected to. */
  allowed(url: URL): boolean;
  /** The most that may come, in bytes. */
  readonly limit: number;
  /** It is given up when less than 1 kB a second comes for so long, in milliseconds. */
  readonly stallMs: number;
  readonly cancelled: AbortSignal;
  /** Called with what has come so far; `total` is what was announced. */
  onProgress?(bytes: number, total: number | undefined): void;
}

const REDIRECTS = 10;

/** Below this many bytes a second it has stalled. */
const SLOWEST = 1024;

/** Where the machine keeps the certificates that it trusts: a company's own among them, which a browser's list has not. */
const BUNDLES = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/**
 * What is at an http or https address, piece by piece, as it is: not unpacked on the way. Proxies are those of the
 * environment (https_proxy, no_proxy); certificates those that the machine trusts, or SSL_CERT_FILE. Throws DownloadError.
 */
export async function* download(
  host: Pick<Host, "files" | "env">,
  address: string,
  { allowed, limit, stallMs, cancelled, onProgress }: DownloadOptions,
): AsyncGenerator<Uint8Array> {
  const stop = new AbortController();
  const interrupt = () => stop.abort(new DownloadError("interrupted", "interrupted"));
  cancelled.addEventListener("abort", interrupt);
  if (cancelled.aborted) interrupt();
  let came = 0;
  let seen = 0;
  const watch = setInterval(() => {
    if (came - seen < (stallMs / 1000) * SLOWEST)
      stop.abort(new DownloadError("stalled", `less than 1 kB a second came for ${stallMs / 1000} s`));
    seen = came;
  }, stallMs);
  // A body that waits may not notice that it was aborted: this does.
  const aborted = new Promise<never>((_, reject) => {
    stop.signal.addEventListener("abort", () => reject(stop.signal.reason), { once: true });
  });
  aborted.catch(() => undefined);
  try {
    const response = await Promise.race([follow(host, address, allowed, stop.signal), aborted]);
    const announced = Number(response.headers.get("content-length") ?? Number.NaN);
    const total = Number.isFinite(announced) ? announced : undefined;
    const tooLarge = () => new DownloadError("too-large", `it is larger than the ${limit} bytes that it may have`);
    if (total !== undefined && total > limit) throw tooLarge();
    const reader = response.body?.getReader();
    for (;;) {
      const next = await Promise.race([reader?.read(), aborted]);
      if (next === undefined || next.done) break;
      came += next.value.length;
      if (came > limit) throw tooLarge();
      onProgress?.(came, total);
      yield next.value;
    }
    if (total !== undefined && came !== total)
      throw new DownloadError("answered", `${came} of ${total} bytes came, and then the end`);
  } catch (error) {
    if (error instanceof DownloadError) throw error;
    throw new DownloadError(
      "refused",
      error instanceof Error ? error.message.replace(/ For more information.*/, "") : String(error),
    );
  } finally {
    clearInterval(watch);
    cancelled.removeEventListener("abort", interrupt);
    stop.abort(new DownloadError("interrupted", "not wanted any more")); // lets go of the connection
  }
}

async function follow(
  host: Pick<Host, "files" | "env">,
  address: string,
  allowed: (url: URL) => boolean,
  signal: AbortSignal,
): Promise<Response> {
  const ca = await trusted(host);
  let url = new URL(address);
  for (let hops = 0; hops <= REDIRECTS; hops++) {
    if (!allowed(url)) throw new DownloadError("refused", `it leads to ${url.origin}, which is not safe enough`);
    const response = await fetch(url, {
      redirect: "manual",
      decompress: false,
      headers: { "accept-encoding": "identity", "user-agent": "mosaic-fleet" },
      signal,
      ...(ca === undefined ? {} : { tls: { ca } }),
    });
    const location = response.headers.get("location");
    if (response.status >= 300 && response.status < 400 && location !== null) {
      url = new URL(location, url);
      continue;
    }
    if (response.status !== 200)
      throw new DownloadError("answered", `the server answers ${response.status} ${response.statusText}`.trimEnd());
    return response;
  }
  throw new DownloadError("answered", `it leads on and on, more than ${REDIRECTS} times`);
}

/** undefined where the environment says which: Bun reads that itself. */
async function trusted({ files, env }: Pick<Host, "files" | "env">): Promise<string | undefined> {
  if (env.SSL_CERT_FILE || env.SSL_CERT_DIR || env.NODE_EXTRA_CA_CERTS) return undefined;
  for (const path of BUNDLES) {
    const text = await files.read(path).catch(() => undefined);
    if (text?.includes("BEGIN CERTIFICATE")) return text;
  }
  return undefined;
}
