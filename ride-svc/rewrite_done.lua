#!lua
-- The file was begun anew after this erasure.
-- KEYS[1] {erasures}:rewrite  ARGV[1] as it was before
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
