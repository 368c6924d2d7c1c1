#!lua
-- The hold stands as the ride of that revision wants it.
-- KEYS[1] duties:{P}  KEYS[2] ride:{P}:<id>  ARGV[1] id  ARGV[2] revision
-- Returns 1 where the duty is done, 0 where the ride changed since.
local REVISION = 18
local packed = redis.call('GET', KEYS[2])
if packed and cmsgpack.unpack(packed)[REVISION] ~= tonumber(ARGV[2]) then
  return 0
end
redis.call('ZREM', KEYS[1], ARGV[1])
return 1
