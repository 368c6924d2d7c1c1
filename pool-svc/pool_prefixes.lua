#!lua
-- Other people for a pool; rides that were made stay where they are.
-- KEYS[1] pools, a hash: name -> prefixes, joined by commas
-- ARGV[1] name  ARGV[2] prefixes
-- Returns {"ok"}, {"gone"} or {"prefix", the one another pool has}.
local all = redis.call('HGETALL', KEYS[1])
local there, taken = false, {}
for i = 1, #all, 2 do
  if all[i] == ARGV[1] then
    there = true
  else
    for prefix in string.gmatch(all[i + 1], '%d+') do taken[prefix] = true end
  end
end
if not there then return {'gone'} end
for prefix in string.gmatch(ARGV[2], '%d+') do
  if taken[prefix] then return {'prefix', prefix} end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return {'ok'}
