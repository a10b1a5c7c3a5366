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


{#- The rows of a relation whose records are not in the model yet; all of them in a full build. -#}
{% macro missing_rows(relation, key) -%}
  {%- if asana_airbyte.continues() -%}
    (
      select newest.*
      from {{ relation }} as newest
      left join {{ this }} as stored on stored.{{ key }} = newest.{{ key }}
      where stored.{{ key }} is null
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
