{#- Incremental models without a watermark. Each row carries `synced_at` and `extracted_at` of the record that
    it was made from, or `task_version`, which says the same of a task with its stories. A run deletes the rows
    whose record has another version now, or is gone, and adds those of the records that are not there. So it
    does not matter in which order rows arrive, which were removed, which stream was refreshed, or which runs
    were left out or broke off: the table becomes what a full build would make. -#}

{#- A pre-hook: delete the rows whose key and version are not in the relation that a model is made from.
    With streams: not while none of them has a table, so that rows stay. -#}
{% macro delete_stale(newest, key, version=['synced_at', 'extracted_at'], streams=[]) -%}
  {%- if asana_airbyte.continues() and (not streams or asana_airbyte.has_any_table(streams)) -%}
    delete from {{ this }}
    where {{ key }} in (
      select stored.{{ key }}
      from {{ this }} as stored
      left join {{ newest }} as newest
        on newest.{{ key }} = stored.{{ key }}
        {%- for column in version %}
        and newest.{{ column }} = stored.{{ column }}
        {%- endfor %}
      where newest.{{ key }} is null
    )
  {%- endif -%}
{%- endmacro %}


{#- A pre-hook: while none of the streams has a table, delete the rows whose task is not there any more. -#}
{% macro delete_orphans(streams) -%}
  {%- if asana_airbyte.continues() and not asana_airbyte.has_any_table(streams) -%}
    delete from {{ this }}
    where not ({{ asana_airbyte.is_known('task_id', 'stg_asana__task', 'task_id', ['tasks', 'subtasks']) }})
  {%- endif -%}
{%- endmacro %}


{#- The rows of a relation whose records are not in the model yet; all of them in a full build. -#}
{% macro missing_rows(relation, key) -%}
  {%- if asana_airbyte.continues() -%}
    (
      select newest.*
      from {{ relation }} as newest
      where not exists (select 1 from {{ this }} as stored where stored.{{ key }} = newest.{{ key }})
    )
  {%- else -%}
    {{ relation }}
  {%- endif -%}
{%- endmacro %}


{#- Whether a full build has nothing to read, as none of the streams has a table, and a former one left rows: they
    stay, as those of the models that are tables do. -#}
{% macro keeps_rows(streams) %}
  {%- if not execute or flags.EMPTY or asana_airbyte.continues() or asana_airbyte.has_any_table(streams) -%}
    {{ return(false) }}
  {%- endif -%}
  {{ return(adapter.get_relation(this.database, this.schema, this.identifier) is not none) }}
{% endmacro %}


{#- dbt's is_incremental, which is not asked where a package is compiled without a warehouse. -#}
{% macro continues() %}
  {{ return((flags.WHICH != 'compile' or var('asana_airbyte_look_at_tables')) and is_incremental()) }}
{% endmacro %}


{#- How a model is kept that shows, without much work, what other tables have. PostgreSQL and Redshift drop a view
    together with each table that it reads, and refuse to drop a column that it names: there it is a table. -#}
{% macro view_or_table() -%}
  {{ return('table' if target.type in ['postgres', 'redshift'] else 'view') }}
{%- endmacro %}


{#- A whole number that differs, but for chance, where one of the columns does; sums of it do not overflow. -#}
{% macro row_hash(columns) -%}
  {{ return(adapter.dispatch('row_hash', 'asana_airbyte')(columns)) }}
{%- endmacro %}

{% macro default__row_hash(columns) -%}
  {%- set parts = [] -%}
  {%- for column in columns -%}{%- do parts.append('coalesce(' ~ asana_airbyte.as_kind(column, 'text') ~ ", '')") -%}{%- endfor -%}
  {{ adapter.dispatch('text_hash', 'asana_airbyte')(parts | join(" || '/' || ")) }}
{%- endmacro %}

{% macro duckdb__row_hash(columns) %}cast(hash({{ columns | join(', ') }}) >> 16 as bigint){% endmacro %}

{% macro default__text_hash(text) %}(hashtextextended({{ text }}, 0) >> 16){% endmacro %}
{% macro snowflake__text_hash(text) %}bitshiftright(hash({{ text }}), 16){% endmacro %}
{% macro bigquery__text_hash(text) %}mod(farm_fingerprint({{ text }}), 100000000000000){% endmacro %}
{% macro redshift__text_hash(text) %}mod(farmfingerprint64({{ text }}), 100000000000000){% endmacro %}
{% macro databricks__text_hash(text) %}shiftright(xxhash64({{ text }}), 16){% endmacro %}
