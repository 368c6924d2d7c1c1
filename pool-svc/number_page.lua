#!lua
-- A page of a pool's numbers with their use.
-- KEYS[1] pool:{P}:index  KEYS[2] pool:{P}:about  KEYS[3] pool:{P}:numbers
-- ARGV[1] behind this number, or ''   ARGV[2] limit
-- ARGV[3] prefix of the uses' keys, under the same hash tag: pool:{P}:uses:
-- Returns {number, state, capabilities, label, rides that hold it, …}.
local t = redis.call('TIME')
local now = string.format('(%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
local from = ARGV[1] == '' and '-' or '(' .. ARGV[1]
local numbers = redis.call('ZRANGE', KEYS[1], from, '+', 'BYLEX',
                           'LIMIT', 0, ARGV[2])
local page = {}
for i = 1, #numbers do
  local packed = redis.call('HGET', KEYS[2], numbers[i])
  local x = packed and cmsgpack.unpack(packed)
  if not x then
    local takes = redis.call('ZSCORE', KEYS[3], numbers[i])
    x = {takes and 'active' or 'draining', 'sms,voice', ''}
  end
  page[#page + 1] = numbers[i]
  page[#page + 1] = x[1]
  page[#page + 1] = x[2]
  page[#page + 1] = x[3]
  page[#page + 1] = redis.call('ZCOUNT', ARGV[3] .. numbers[i], now, '+inf')
end
return page
