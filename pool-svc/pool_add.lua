#!lua
-- KEYS[1] pools, a hash: name -> prefixes, joined by commas
-- ARGV[1] name  ARGV[2] prefixes  ARGV[3] the most pools there may be
-- Returns {"ok"}, {"exists"}, {"full"} or {"prefix", the one another pool has}.
local now = redis.call('HGET', KEYS[1], ARGV[1])
if now then return {now == ARGV[2] and 'ok' or 'exists'} end
local all = redis.call('HGETALL', KEYS[1])
if #all / 2 >= tonumber(ARGV[3]) then return {'full'} end
local taken = {}
for i = 2, #all, 2 do
  for prefix in string.gmatch(all[i], '%d+') do taken[prefix] = true end
end
for prefix in string.gmatch(ARGV[2], '%d+') do
  if taken[prefix] then return {'prefix', prefix} end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return {'ok'}
