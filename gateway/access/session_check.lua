#!lua
-- Whose session it is, and what they are by now; it lives on while it is used.
-- KEYS[1] {access}:session:<key>  ARGV[1] idle (ms)
-- ARGV[2] the prefix of accounts' keys
-- Returns {account, role}, or nothing where there is no such session.
local EVERY_MS = 60000
local s = redis.call('HMGET', KEYS[1], 'account', 'seen', 'expires')
if not s[1] then return {} end
local account = redis.call('HMGET', ARGV[2] .. s[1], 'role', 'disabled')
if not account[1] or account[2] then return {} end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local expires = tonumber(s[3])
if expires <= now then return {} end
if now - tonumber(s[2]) >= EVERY_MS then
  local ends = math.min(now + tonumber(ARGV[1]), expires)
  redis.call('HSET', KEYS[1], 'seen', string.format('%.0f', now))
  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', ends))
end
return {s[1], account[1]}
