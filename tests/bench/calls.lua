-- For wrk: plays the calls that bench_requests wrote to the file BENCH_CALLS,
-- in turn, each thread from a place of its own.
local threads = 0

function setup(thread)
  thread:set("nth", threads)
  threads = threads + 1
end

function init()
  requests = {}
  for line in io.lines(os.getenv("BENCH_CALLS")) do
    local path, token = string.match(line, "^(.*)\t(.*)$")
    requests[#requests + 1] =
      wrk.format("GET", path, { ["MessageBird-Signature-JWT"] = token })
  end
  at = math.floor(nth * #requests / 2)
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"rate": %.1f, "answered": %d, "p50_us": %d, "p99_us": %d, ' ..
    '"refused": %d, "broken": %d}\n',
    summary.requests / (summary.duration / 1e6), summary.requests,
    latency:percentile(50), latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
