-- Search reads the newest messages of an account one by one before it asks the
-- index of words, so it must find a conversation's messages. Writers wait while
-- this is built, about a second for a million messages.
CREATE INDEX message_search_session ON message_search (session_id);
