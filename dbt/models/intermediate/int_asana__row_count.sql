{#- How many rows the main tables had in each run: what the test has_not_shrunk compares. It grows by a few rows a
    run and outlives a full refresh. -#}
{{ config(materialized='incremental', incremental_strategy='append', full_refresh=false) }}
{%- set marts = {
  'task': ['tasks', 'subtasks'], 'story': ['stories'], 'project': ['projects'], 'section': ['sections'], 'user': ['users'],
  'team': ['teams'], 'tag': ['tags'], 'portfolio': ['portfolios'], 'goal': ['goals'],
  'time_entry': ['time_tracking_entries'], 'attachment': ['attachments']
} -%}
{%- for mart, streams in marts.items() %}
select
  'asana__{{ mart }}' as mart,
  {{ asana_airbyte.as_time(dbt.string_literal(run_started_at.strftime('%Y-%m-%dT%H:%M:%SZ')), 'text') }} as measured_at,
  (select count(*) from {{ ref('asana__' ~ mart) }}) as row_count,
  {%- for stream in streams %}
  {{ '+ ' if not loop.first }}{{ asana_airbyte.tombstones(stream) }}
  {%- endfor %} as deleted_count
{{ 'union all' if not loop.last }}
{%- endfor %}
