#!lua
-- Takes alerts that are due: they are this notifier's for as long as a claim
-- lasts, and due again then. Those that are too old are given up.
-- KEYS[1] {alerts}:due
-- ARGV[1] how many at most  ARGV[2] ms of a claim  ARGV[3] ms until one is too
--   old  ARGV[4] prefix of their keys, under the same hash tag: {alerts}:alert:
-- Returns {now, {id, type, …} given up, {id, type, body, tries, …}}.
local LOOKED_AT = 100
local function text(n) return string.format('%.0f', n) end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local due = redis.call('ZRANGE', KEYS[1], '-inf', text(now), 'BYSCORE',
                       'LIMIT', 0, LOOKED_AT)
local most, over, mine = tonumber(ARGV[1]), {}, {}
for i = 1, #due do
  local id, key = due[i], ARGV[4] .. due[i]
  local packed = redis.call('GET', key)
  -- An ALERT_RECORD: {type, body, raised, tries}
  local x = packed and cmsgpack.unpack(packed)
  if not x or x[3] + tonumber(ARGV[3]) <= now then
    redis.call('ZREM', KEYS[1], id)
    over[#over + 1] = id
    over[#over + 1] = x and x[1] or ''
  elseif #mine < most * 4 then
    x[4] = x[4] + 1
    redis.call('SET', key, cmsgpack.pack(x), 'KEEPTTL')
    redis.call('ZADD', KEYS[1], text(now + tonumber(ARGV[2])), id)
    mine[#mine + 1] = id
    mine[#mine + 1] = x[1]
    mine[#mine + 1] = x[2]
    mine[#mine + 1] = x[4]
  end
end
return {text(now), over, mine}
