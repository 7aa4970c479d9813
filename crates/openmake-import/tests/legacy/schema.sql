CREATE TABLE users (id TEXT PRIMARY KEY, username TEXT UNIQUE NOT NULL, password_hash TEXT NOT NULL,
    email TEXT, role TEXT DEFAULT 'user', created_at DATETIME DEFAULT CURRENT_TIMESTAMP,
    updated_at DATETIME, last_login DATETIME, is_active INTEGER DEFAULT 1);
CREATE TABLE conversation_sessions (id TEXT PRIMARY KEY, user_id TEXT REFERENCES users(id),
    title TEXT, created_at DATETIME DEFAULT CURRENT_TIMESTAMP, updated_at DATETIME, metadata JSON);
CREATE TABLE conversation_messages (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL,
    role TEXT NOT NULL, content TEXT NOT NULL, model TEXT, agent_id TEXT, thinking TEXT,
    tokens INTEGER, response_time_ms INTEGER, created_at DATETIME DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE api_usage (id INTEGER PRIMARY KEY AUTOINCREMENT, date TEXT NOT NULL, api_key_id TEXT,
    requests INTEGER DEFAULT 0, tokens INTEGER DEFAULT 0, errors INTEGER DEFAULT 0,
    avg_response_time REAL, models JSON, created_at DATETIME, updated_at DATETIME);
CREATE TABLE agent_usage_logs (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp DATETIME,
    user_id TEXT, session_id TEXT, agent_id TEXT NOT NULL, query TEXT, response_preview TEXT,
    response_time_ms INTEGER, tokens_used INTEGER, success INTEGER DEFAULT 1, error_message TEXT);
CREATE TABLE agent_feedback (id TEXT PRIMARY KEY, agent_id TEXT NOT NULL, user_id TEXT,
    rating INTEGER NOT NULL, comment TEXT, query TEXT, response TEXT, tags JSON, created_at DATETIME);
CREATE TABLE custom_agents (id TEXT PRIMARY KEY, name TEXT NOT NULL, description TEXT,
    system_prompt TEXT NOT NULL, keywords JSON, category TEXT, emoji TEXT DEFAULT '🤖',
    temperature REAL, max_tokens INTEGER, created_by TEXT, enabled INTEGER DEFAULT 1,
    created_at DATETIME, updated_at DATETIME);
CREATE TABLE audit_logs (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp DATETIME,
    action TEXT NOT NULL, user_id TEXT, resource_type TEXT, resource_id TEXT, details JSON,
    ip_address TEXT, user_agent TEXT);
CREATE TABLE alert_history (id INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL,
    severity TEXT NOT NULL, title TEXT NOT NULL, message TEXT, data JSON,
    acknowledged INTEGER DEFAULT 0, acknowledged_by TEXT, created_at DATETIME,
    acknowledged_at DATETIME);
CREATE TABLE user_memories (id TEXT PRIMARY KEY, user_id TEXT NOT NULL, category TEXT NOT NULL,
    key TEXT NOT NULL, value TEXT NOT NULL, importance REAL DEFAULT 0.5,
    access_count INTEGER DEFAULT 0, last_accessed DATETIME, source_session_id TEXT,
    created_at DATETIME, updated_at DATETIME, expires_at DATETIME, UNIQUE (user_id, category, key));
CREATE TABLE memory_tags (id INTEGER PRIMARY KEY AUTOINCREMENT, memory_id TEXT NOT NULL,
    tag TEXT NOT NULL, UNIQUE (memory_id, tag));
CREATE TABLE research_sessions (id TEXT PRIMARY KEY, user_id TEXT, topic TEXT NOT NULL,
    status TEXT DEFAULT 'pending', depth TEXT DEFAULT 'standard', progress INTEGER DEFAULT 0,
    summary TEXT, key_findings JSON, sources JSON, created_at DATETIME, updated_at DATETIME,
    completed_at DATETIME);
CREATE TABLE research_steps (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL,
    step_number INTEGER NOT NULL, step_type TEXT NOT NULL, query TEXT, result TEXT, sources JSON,
    status TEXT DEFAULT 'pending', created_at DATETIME);
CREATE TABLE agent_marketplace (id TEXT PRIMARY KEY, agent_id TEXT NOT NULL, author_id TEXT NOT NULL,
    title TEXT NOT NULL, description TEXT, long_description TEXT, category TEXT, tags JSON, icon TEXT,
    banner_url TEXT, price REAL, is_free INTEGER, is_featured INTEGER, is_verified INTEGER,
    downloads INTEGER, rating_avg REAL, rating_count INTEGER, version TEXT, changelog TEXT,
    status TEXT, created_at DATETIME, updated_at DATETIME, published_at DATETIME);
CREATE TABLE agent_reviews (id TEXT PRIMARY KEY, marketplace_id TEXT NOT NULL, user_id TEXT NOT NULL,
    rating INTEGER, title TEXT, content TEXT, helpful_count INTEGER, created_at DATETIME,
    updated_at DATETIME, UNIQUE (marketplace_id, user_id));
CREATE TABLE agent_installations (id INTEGER PRIMARY KEY AUTOINCREMENT, marketplace_id TEXT,
    user_id TEXT, installed_at DATETIME, uninstalled_at DATETIME, UNIQUE (marketplace_id, user_id));
CREATE TABLE canvas_documents (id TEXT PRIMARY KEY, user_id TEXT NOT NULL, session_id TEXT,
    title TEXT NOT NULL, doc_type TEXT, content TEXT, language TEXT, version INTEGER DEFAULT 1,
    is_shared INTEGER, share_token TEXT UNIQUE, created_at DATETIME, updated_at DATETIME);
CREATE TABLE canvas_versions (id INTEGER PRIMARY KEY AUTOINCREMENT, document_id TEXT NOT NULL,
    version INTEGER NOT NULL, content TEXT NOT NULL, change_summary TEXT, created_by TEXT,
    created_at DATETIME);
CREATE TABLE canvas_ai_edits (id INTEGER PRIMARY KEY AUTOINCREMENT, document_id TEXT NOT NULL,
    instruction TEXT NOT NULL, original_content TEXT, modified_content TEXT, accepted INTEGER,
    created_at DATETIME);
CREATE TABLE external_connections (id TEXT PRIMARY KEY, user_id TEXT NOT NULL,
    service_type TEXT NOT NULL, access_token TEXT, refresh_token TEXT, token_expires_at DATETIME,
    account_email TEXT, account_name TEXT, metadata JSON, is_active INTEGER, created_at DATETIME,
    updated_at DATETIME, UNIQUE (user_id, service_type));
CREATE TABLE external_files (id TEXT PRIMARY KEY, connection_id TEXT NOT NULL,
    external_id TEXT NOT NULL, file_name TEXT NOT NULL, file_type TEXT, file_size INTEGER,
    web_url TEXT, last_synced DATETIME, cached_content TEXT, created_at DATETIME,
    UNIQUE (connection_id, external_id));
