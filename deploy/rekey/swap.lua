#!lua
-- Something in a key, in place of what was there: only where it still is.
-- KEYS[1] the key
-- ARGV[1] string, field (of a hash) or item (of a list)  ARGV[2] which one
-- ARGV[3] as it was  ARGV[4] as it is to be
-- Returns 1, or 0 where it is not as it was.
local what, which, was, is = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local now
if what == 'string' then
  now = redis.call('GET', KEYS[1])
elseif what == 'field' then
  now = redis.call('HGET', KEYS[1], which)
else
  now = redis.call('LINDEX', KEYS[1], which)
end
if now ~= was then return 0 end
if what == 'string' then
  redis.call('SET', KEYS[1], is, 'KEEPTTL')
elseif what == 'field' then
  redis.call('HSET', KEYS[1], which, is)
else
  redis.call('LSET', KEYS[1], which, is)
end
return 1
