#!lua
-- A page of a pool's numbers with their use.
-- KEYS[1] pool:{P}:index   ARGV[1] behind this number, or ''   ARGV[2] limit
-- ARGV[3] prefix of the uses' keys, under the same hash tag: pool:{P}:uses:
-- Returns {number, rides that hold it, …}.
local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
local from = ARGV[1] == '' and '-' or '(' .. ARGV[1]
local numbers = redis.call('ZRANGE', KEYS[1], from, '+', 'BYLEX',
                           'LIMIT', 0, ARGV[2])
local page = {}
for i = 1, #numbers do
  page[#page + 1] = numbers[i]
  page[#page + 1] = redis.call('ZCOUNT', ARGV[3] .. numbers[i], '(' .. now, '+inf')
end
return page
