#!lua
-- A key under another name of its hash tag, with all it holds and its expiry.
-- KEYS[1] its name until now  KEYS[2] its name from now on
-- Returns 1, or 0 where there is none such (any more).
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('RENAME', KEYS[1], KEYS[2])
return 1
