#!lua
-- What a token may, by the hash of its secret; notes that it was used.
-- KEYS[1] {access}:token:<id>  ARGV[1] hash of the secret that was given
-- Returns {name, scopes}, or nothing where it is no such token, or too old.
local EVERY_MS = 60000
local a = redis.call('HMGET', KEYS[1], 'name', 'hash', 'scopes', 'expires',
                     'used')
if not a[1] or a[2] ~= ARGV[1] then return {} end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local expires = tonumber(a[4])
if expires > 0 and expires <= now then return {} end
if now - tonumber(a[5] or 0) >= EVERY_MS then
  redis.call('HSET', KEYS[1], 'used', string.format('%.0f', now))
end
return {a[1], a[3]}
