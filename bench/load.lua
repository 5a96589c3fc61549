-- For wrk: posts a body of UPLOAD bytes if that is set, and prints what was counted as one line of JSON.

local upload = tonumber(os.getenv("UPLOAD") or "0")
if upload > 0 then
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/octet-stream"
  wrk.body = string.rep("x", upload)
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    '{"requests":%d,"bytes":%d,"micros":%d,"p50":%d,"p99":%d,"errors":%d}',
    summary.requests, summary.bytes, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout
  ))
end
