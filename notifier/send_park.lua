#!lua
-- The text waits, with all behind it for that recipient; nobody else does.
-- KEYS[1] lease:{P}  KEYS[2] outbox:{P}  KEYS[3] sending:{P}
-- KEYS[4] parked:{P}:<ride>:<role>  KEYS[5] parked:{P}
-- ARGV[1] the lease as the notifier holds it  ARGV[2] entry  ARGV[3] attempt
-- ARGV[4] "<ride>:<role>"  ARGV[5] again after (ms)  ARGV[6] attempts so far
-- ARGV[7] it may have been sent at (ms), or 0
-- ARGV[8] how often the provider did not know it since
-- Returns {"done"}, {"gone"} or {"lost"}.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local attempt = redis.call('HGET', KEYS[3], ARGV[2])
if attempt ~= ARGV[3] and redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return {'lost'}
end
local head = redis.call('LINDEX', KEYS[4], 0)
local x = head and cmsgpack.unpack(head)
local parked = x and x[1] == ARGV[2]
if not parked then
  local found = redis.call('XRANGE', KEYS[2], ARGV[2], ARGV[2])[1]
  if not found then return {'gone'} end
  local flat, f = found[2], {}
  for i = 1, #flat, 2 do f[flat[i]] = flat[i + 1] end
  x = {ARGV[2], f.ref or '', f.proxy or '', f.to or '', f.text or '',
       tonumber(f['until']) or 0, 0, 0, 0, tonumber(f.after) or 0,
       f.kind or ''}
end
x[7], x[8], x[9] = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])

if parked then
  redis.call('LSET', KEYS[4], 0, cmsgpack.pack(x))
else
  redis.call('LPUSH', KEYS[4], cmsgpack.pack(x))
  redis.call('XDEL', KEYS[2], ARGV[2])
end
redis.call('ZADD', KEYS[5], string.format('%.0f', now + ARGV[5]), ARGV[4])
redis.call('HDEL', KEYS[3], ARGV[2])
return {'done'}
